// Serves future.h: functions whose results become futures: async(), and the continuations then, rescue, finally, settle.
//
// A continuation is one object: the core of the future that it returns, the node that it leaves in the source, the task that
// is queued to an executor, and the function. When the source settles, the node posts the task; the task calls the function,
// whose result is put into the core. If the function returns a future, the node is left in that one next, and the core gets
// its result.
//
// In an executor that has turns (event_loop.h) all this takes as many of them as in JavaScript. What becomes a future's result by way of
// another future waits for two jobs there: one that looks at the other future (NewPromiseResolveThenableJob of ECMAScript, 27.2.2.2),
// and one that is the reaction to it. finally() returns, there, what it makes of the value with a further promise, so it takes
// the same two (27.2.5.3). Elsewhere nothing of that is paid for but a question to the executor, and only where a future was returned.
#pragma once

#include <thrum/detail/expected.h>
#include <thrum/detail/future_core.h>
#include <thrum/detail/outcome.h>
#include <thrum/executor.h>

#include <concepts>
#include <functional>
#include <optional>

namespace thrum {

template <class T> class future;
template <class T> class shared_future;

namespace detail {

// What a function that returns X makes a future of: future<U> gives U.
template <class X> struct flattened {
  using type = std::conditional_t<std::is_lvalue_reference_v<X>, X, std::remove_cvref_t<X>>;
  static constexpr bool is_future = false;
  static constexpr bool moved = false;
};
template <class U> struct flattened<future<U>> {
  using type = U;
  static constexpr bool is_future = true;
  static constexpr bool moved = true;
};
template <class U> struct flattened<shared_future<U>> {
  using type = U;
  static constexpr bool is_future = true;
  static constexpr bool moved = false;
};

struct future_access {
  template <class Handle> static future_core* core(const Handle& h) noexcept { return h.core_.get(); }
  // The reference of a handle; a shared_future that is an lvalue keeps its own.
  template <class T> static future_core* take(future<T>&& f) noexcept { return f.core_.take(); }
  template <class T> static future_core* take(shared_future<T>&& f) noexcept { return f.core_.take(); }
  template <class T> static future_core* take(const shared_future<T>& f) noexcept {
    return consumer_ref(f.core_).take();
  }
  template <class T> static future<T> make(future_core* c) noexcept { return future<T>(c); }
};

// Calls f with the value of a core that was fulfilled.
template <class T, bool Moved, class F> decltype(auto) call_with(F&& f, result_core<T>& from) {
  if constexpr (std::is_void_v<T>)
    return std::invoke(std::forward<F>(f));
  else if constexpr (std::is_reference_v<T>)
    return std::invoke(std::forward<F>(f), static_cast<T>(*from.value));
  else if constexpr (Moved)
    return std::invoke(std::forward<F>(f), std::move(from.value));
  else
    return std::invoke(std::forward<F>(f), std::as_const(from.value));
}
template <class T, bool Moved, class F> using result_with =
    decltype(call_with<T, Moved>(std::declval<F>(), std::declval<result_core<T>&>()));

// Puts what f() returns into a core: returns the bits for publish(), or 0 if it is a future, *inner, whose result is to be had.
template <class R, class F> std::uint32_t produce(result_core<R>& to, future_core*& inner, F&& f) {
  using X = std::invoke_result_t<F>;
  if constexpr (flattened<X>::is_future) {
    inner = future_access::take(std::forward<F>(f)());
    if (inner == nullptr) return to.make_error(no_state_error());
    if (inner != &to) return 0;
    inner->leave();
    return to.make_error(own_future_error());
  } else if constexpr (std::is_void_v<X>) {
    std::forward<F>(f)();
    return to.make_value();
  } else if constexpr (std::is_reference_v<R>) {
    return to.make_value(std::addressof(static_cast<R>(std::forward<F>(f)())));
  } else {
    ::new (static_cast<void*>(std::addressof(to.value))) R(std::forward<F>(f)());
    return future_core::has_settled;
  }
}

template <class T, bool Moved> outcome<T> outcome_of(result_core<T>& from) {
  if (from.failed()) {
    from.observe();
    return std::unexpected(from.error());
  }
  if constexpr (std::is_void_v<T>)
    return {};
  else if constexpr (std::is_reference_v<T>)
    return std::ref(*from.value);
  else if constexpr (Moved)
    return std::move(from.value);
  else
    return from.value;
}

// Of a value that others may look at, there must be copies.
template <class T, bool Moved> inline constexpr bool can_pass =
    Moved || std::is_copy_constructible_v<kept_result<T>>;

// ---- the kinds. run() leaves the result in `to`, as produce(), or throws. `returned` is what the function itself returns.

template <class F> struct work_how {
  using source_type = void;
  using returned = std::invoke_result_t<F>;
  using result = typename flattened<returned>::type;
  static std::uint32_t run(F& f, result_core<void>*, result_core<result>& to, future_core*& inner) {
    return produce(to, inner, std::move(f));
  }
};

template <class T, bool Moved, class F> struct then_how {
  using source_type = T;
  using returned = result_with<T, Moved, F>;
  using result = typename flattened<returned>::type;
  static std::uint32_t run(F& f, result_core<T>* from, result_core<result>& to, future_core*& inner) {
    if (from->failed()) return to.make_like_failed(*from);
    return produce(to, inner, [&]() -> decltype(auto) { return call_with<T, Moved>(std::move(f), *from); });
  }
};

template <class T, bool Moved, class F> struct rescue_how {
  static_assert(can_pass<T, Moved>, "thrum: a shared_future's value that is passed on must be copyable");
  using source_type = T;
  using returned = std::invoke_result_t<F, std::exception_ptr>;
  using result = T;
  static std::uint32_t run(F& f, result_core<T>* from, result_core<T>& to, future_core*& inner) {
    if (!from->failed()) return to.make_like(*from, Moved);
    from->observe();
    return produce(to, inner, [&]() -> decltype(auto) { return std::invoke(std::move(f), from->error()); });
  }
};

template <class T, bool Moved, class E, class F> struct rescue_one_how {
  static_assert(can_pass<T, Moved>, "thrum: a shared_future's value that is passed on must be copyable");
  using source_type = T;
  using returned = std::invoke_result_t<F, const E&>;
  using result = T;
  static std::uint32_t run(F& f, result_core<T>* from, result_core<T>& to, future_core*& inner) {
    if (!from->failed()) return to.make_like(*from, Moved);
    try {
      std::rethrow_exception(from->error());
    } catch (const E& e) {
      from->observe();
      return produce(to, inner, [&]() -> decltype(auto) { return std::invoke(std::move(f), e); });
    } catch (...) { return to.make_like_failed(*from); }
  }
};

template <class T, bool Moved, class F> struct finally_how {
  static_assert(can_pass<T, Moved>, "thrum: a shared_future's value that is passed on must be copyable");
  using source_type = T;
  using returned = void;
  using result = T;
  static void call(F& f, result_core<T>* from) {
    from->observe(); // if f throws, that is what counts
    static_cast<void>(std::invoke(std::move(f)));
  }
  static std::uint32_t pass(result_core<T>* from, result_core<T>& to) noexcept {
    return to.make_like(*from, Moved);
  }
  static std::uint32_t run(F& f, result_core<T>* from, result_core<T>& to, future_core*&) {
    call(f, from);
    return pass(from, to);
  }
};

// What takes a turn, and does nothing else: the same result; or only that there is one.
struct no_function {};
template <class T, bool Moved> struct pass_how {
  using source_type = T;
  using returned = void;
  using result = T;
  static std::uint32_t run(no_function&, result_core<T>* from, result_core<T>& to, future_core*&) noexcept {
    return to.make_like(*from, Moved);
  }
};
template <class T> struct note_how {
  using source_type = T;
  using returned = void;
  using result = void;
  static std::uint32_t run(no_function&, result_core<T>*, result_core<void>& to, future_core*&) noexcept {
    return to.make_value();
  }
};

template <class T, bool Moved, class F> struct settle_how {
  using source_type = T;
  using returned = std::invoke_result_t<F, outcome<T>>;
  using result = typename flattened<returned>::type;
  static std::uint32_t run(F& f, result_core<T>* from, result_core<result>& to, future_core*& inner) {
    return produce(to, inner, [&]() -> decltype(auto) {
      return std::invoke(std::move(f), outcome_of<T, Moved>(*from));
    });
  }
};

// finally() with a function that returns a future, which is waited for: what settle() is to call.
template <class F>
concept returns_future = flattened<std::invoke_result_t<F>>::is_future;
template <class T, class F> auto finally_and_wait(F&& f, executor& where) {
  executor* const turns = where.has_turns() ? &where : nullptr;
  return [f = std::decay_t<F>(std::forward<F>(f)), turns](outcome<T> before) mutable -> future<T> {
    auto pass = [before = std::move(before)](auto&&...) mutable -> T {
      if (!before) std::rethrow_exception(before.error());
      if constexpr (std::is_reference_v<T>)
        return *before;
      else if constexpr (!std::is_void_v<T>)
        return *std::move(before);
    };
    if (turns != nullptr) return std::invoke(std::move(f)).then(*turns, std::move(pass));
    return std::invoke(std::move(f)).then_inline(std::move(pass));
  };
}

// ---- the object

template <class F, class How> struct work_core final : result_core<typename How::result>, work_part {
  using result = typename How::result;
  using base = result_core<result>;

  // Begins with two references: the future's, and its own.
  template <class G>
  work_core(G&& g, const workplace& p, future_core* from, const attrs& a, std::source_location s)
      : base(ops_of<work_core>, 2 * future_core::one, s),
        work_part(p.where != nullptr ? posted_ops : inline_ops, &run_it, a, s, p.where, from),
        f(std::forward<G>(g)) {
    if (__builtin_expect(p.bound != nullptr, false)) keep_bindings(*this, p.bound);
  }
  ~work_core() {} // f has ended before

  static void run_it(task& t) noexcept {
    auto& self = static_cast<work_core&>(t);
    if (__builtin_expect(self.dropped, false)) {
      self.f.~F();
      return self.end_dropped();
    }
    begin_work(self, self);
    if constexpr (requires { &How::pass; })
      if (self.where->has_turns()) return self.finally_in_turns();
    future_core* inner = nullptr;
    if (const std::uint32_t bits = self.evaluate(inner)) return finish_work(self, self, bits);
    self.await(inner);
    if (self.where->has_turns()) {
      self.work_part::ops = &inner_ops_in_turns;
      return self.post_again(&look_at_inner);
    }
    follow(*inner, self);
  }

  // Without the future that nobody got.
  void refuse() noexcept {
    f.~F();
    destroy_core(*this);
  }

private:
  static work_core& of(future_node& n) noexcept { return static_cast<work_core&>(n); }
  static future_core& core_of(future_node& n) noexcept { return of(n); }

  static bool source_settled(future_node& n) noexcept {
    work_core& self = of(n);
    if (self.where != nullptr) {
      const std::exception_ptr refused = post_work(self, true);
      if (refused == nullptr) return false; // perhaps gone
      self.f.~F();
      self.source->observe();
      publish(self, self.make_error(refused));
      self.leave_source();
      return true;
    }
    future_core* inner = nullptr;
    if (const std::uint32_t bits = self.evaluate(inner)) {
      publish(self, bits);
      self.leave_source();
      return true;
    }
    self.await(inner);
    return add_node(*inner, self);
  }
  static void source_never(future_node& n) noexcept {
    of(n).f.~F();
    forget_bindings(of(n));
    inner_never(n);
  }

  static bool inner_settled(future_node& n) noexcept {
    using inner = flattened<typename How::returned>;
    static_assert(!inner::is_future || can_pass<result, inner::moved>,
                  "thrum: a shared_future's value that is passed on must be copyable");
    work_core& self = of(n);
    publish(self, self.make_like(static_cast<base&>(*self.source), flattened<typename How::returned>::moved));
    self.leave_source();
    return true;
  }
  // ---- in turns. Each job is the same task again.
  void post_again(void (*job)(task&)) noexcept {
    this->run = job;
    if (post_work(*this, true) != nullptr) job(*this); // refused: here, then
  }
  void end_dropped() noexcept {
    if (source != nullptr) source->observe();
    settle(*this, this->make_error(dropped_error()));
    leave_source();
    this->release();
  }
  static void look_at_inner(task& t) noexcept {
    auto& self = static_cast<work_core&>(t);
    if (self.dropped) return self.end_dropped();
    follow(*self.source, self);
  }
  static bool inner_settled_in_turns(future_node& n) noexcept {
    of(n).post_again(&become_inner);
    return false; // perhaps gone
  }
  static void become_inner(task& t) noexcept {
    using inner = flattened<typename How::returned>;
    auto& self = static_cast<work_core&>(t);
    if (self.dropped) return self.end_dropped();
    finish_work(self, self, self.make_like(static_cast<base&>(*self.source), inner::moved));
  }
  void finally_in_turns() noexcept {
    std::uint32_t bits = 0;
    try {
      How::call(f, static_cast<result_core<typename How::source_type>*>(source));
    } catch (...) { bits = this->make_error(std::current_exception()); }
    f.~F();
    if (bits != 0) return finish_work(*this, *this, bits);
    post_again(&wait_after_finally);
  }
  static void wait_after_finally(task& t) noexcept {
    auto& self = static_cast<work_core&>(t);
    if (self.dropped) return self.end_dropped();
    self.post_again(&end_finally);
  }
  static void end_finally(task& t) noexcept {
    auto& self = static_cast<work_core&>(t);
    if (self.dropped) return self.end_dropped();
    finish_work(self, self, How::pass(static_cast<result_core<result>*>(self.source), self));
  }

  static void inner_never(future_node& n) noexcept {
    work_core& self = of(n);
    change_source(self, self, nullptr, true);
    settle_never(self);
    self.release();
  }

  static future_core* stop_it(future_core& c) noexcept {
    auto& self = static_cast<work_core&>(c);
    return stop_work(self, self);
  }

  std::uint32_t evaluate(future_core*& inner) noexcept {
    std::uint32_t bits;
    try {
      bits = How::run(f, static_cast<result_core<typename How::source_type>*>(source), *this, inner);
    } catch (...) { bits = this->make_error(std::current_exception()); }
    f.~F(); // what it holds is gone before anybody sees the result
    return bits;
  }
  void await(future_core* inner) noexcept {
    work_part::ops = &inner_ops;
    change_source(*this, *this, inner, flattened<typename How::returned>::moved);
  }
  void leave_source() noexcept {
    if (future_core* s = std::exchange(source, nullptr)) s->leave();
  }

  template <class Self>
  static constexpr future_ops ops_of{&destroy_as<Self>, &stop_it, plain_bytes<result, Self>()};
  static constexpr future_node_ops posted_ops{&source_settled, &source_never, &core_of, nullptr, true};
  static constexpr future_node_ops inline_ops{&source_settled, &source_never, &core_of, nullptr};
  static constexpr future_node_ops inner_ops{&inner_settled, &inner_never, &core_of, nullptr};
  static constexpr future_node_ops inner_ops_in_turns{&inner_settled_in_turns, &inner_never, &core_of,
                                                      nullptr};

  union {
    F f; // alive until it was called
  };
};

// Leaves a continuation in the source of a handle; the handle's own reference goes to it if that is an rvalue.
template <class How, class F, class Handle, class G>
future<typename How::result> react(Handle&& handle, const workplace& p, G&& g, std::source_location site) {
  future_core* source = future_access::core(handle);
  if (source == nullptr) panic_no_future("a continuation of");
  auto* c = make_core<work_core<F, How>>(std::forward<G>(g), p, source, attrs{}, site);
  static_cast<void>(future_access::take(std::forward<Handle>(handle)));
  if (!flattened<std::remove_cvref_t<Handle>>::moved) c->set(future_core::is_sharer);
  follow(*source, *c);
  return future_access::make<typename How::result>(c);
}

template <class F> auto start(const workplace& p, const attrs& a, F&& f, std::source_location site) {
  using function = std::decay_t<F>;
  using how = work_how<function>;
  auto* c = make_core<work_core<function, how>>(std::forward<F>(f), p, nullptr, a, site);
  if (const std::exception_ptr refused = post_work(*c, false)) {
    c->refuse();
    std::rethrow_exception(refused);
  }
  return future_access::make<typename how::result>(c);
}

// A promise takes over the state of another future. In the other's list stands `*this`; in the promise's own `hook`, which
// passes stop requests on and outlives the rest.
template <class T, bool Moved> struct adoption final : future_node {
  adoption(result_core<T>* t, future_core* f) noexcept
      : future_node(adopt_ops), to(t), from(f), hook(*this) {}

  static bool from_settled(future_node& n) noexcept {
    auto& self = static_cast<adoption&>(n);
    publish(*self.to, self.to->make_like(static_cast<result_core<T>&>(*self.from), Moved));
    return true; // now the hook is told, and ends *this
  }
  static void from_never(future_node& n) noexcept {
    result_core<T>* to = static_cast<adoption&>(n).to;
    settle_never(*to); // now the hook is told, and ends *this
    to->release();
  }
  static future_core& to_of(future_node& n) noexcept { return *static_cast<adoption&>(n).to; }
  static void end(adoption& a) noexcept {
    a.from->leave();
    a.~adoption();
    free_task(&a, sizeof(adoption));
  }
  static constexpr future_node_ops adopt_ops{&from_settled, &from_never, &to_of, nullptr};

  struct hook_node final : future_node {
    explicit hook_node(adoption& a) noexcept : future_node(hook_ops), of(&a) {}
    static bool done(future_node& n) noexcept {
      end(*static_cast<hook_node&>(n).of);
      return false;
    }
    static void never(future_node& n) noexcept { end(*static_cast<hook_node&>(n).of); }
    static void stop(future_node& n) noexcept {
      adoption& a = *static_cast<hook_node&>(n).of;
      if (Moved) ask_to_stop(a.from);
      static_cast<void>(add_node(*a.to, n)); // back, to be ended
    }
    static constexpr future_node_ops hook_ops{&done, &never, nullptr, &stop};
    adoption* of;
  };

  result_core<T>* to; // a reference, given back by who is told that it has settled
  future_core* from;  // a reference
  hook_node hook;
};

// `to` is claimed. Throws std::bad_alloc, and nothing was done then.
template <class T, bool Moved, class Handle> void adopt(result_core<T>& to, Handle&& other) {
  using node = adoption<T, Moved>;
  void* memory = allocate_task(sizeof(node));
  future_core* from = future_access::take(std::forward<Handle>(other));
  auto* a = ::new (memory) node(&to, from);
  to.retain();
  static_cast<void>(add_node(to, a->hook)); // not settled: only *a will do that
  if (Moved && to.is(future_core::is_asked)) ask_to_stop(from);
  follow(*from, *a);
}

// The same in an executor that has turns: the job that looks at the other future.
template <class T, bool Moved> struct later_adoption final : task {
  using handle = std::conditional_t<Moved, future<T>, shared_future<T>>;

  later_adoption(result_core<T>& t, executor& e, handle&& h) noexcept
      : task(&run_it, attrs{}, t.site), to(&t), turns(&e), other(std::move(h)) {
    asks_why = true;
  }
  static void run_it(task& t) noexcept {
    auto& self = static_cast<later_adoption&>(t);
    const core_ref kept(self.to);
    result_core<T>& to = *self.to;
    std::exception_ptr failed;
    if (self.dropped) {
      failed = dropped_error();
      future_access::core(self.other)->observe();
    } else {
      try { // that it settles is the second job, and then `to` is told
        adopt<T, true>(to,
                       react<pass_how<T, Moved>, no_function>(std::move(self.other), workplace{self.turns},
                                                              no_function(), std::source_location{}));
      } catch (...) { failed = std::current_exception(); }
    }
    end(self);
    if (failed != nullptr) settle(to, to.make_error(std::move(failed)));
  }
  static void end(later_adoption& a) noexcept {
    a.~later_adoption();
    free_task(&a, sizeof(later_adoption));
  }

  result_core<T>* to; // a reference
  executor* turns;
  handle other;
};

template <class T, bool Moved, class Handle>
void adopt_in_turns(result_core<T>& to, executor& turns, Handle&& other) {
  using job = later_adoption<T, Moved>;
  void* memory = allocate_task(sizeof(job));
  auto* j = ::new (memory) job(to, turns, typename job::handle(std::forward<Handle>(other)));
  to.retain();
  try {
    turns.post_reaction(*j);
  } catch (...) {
    if constexpr (Moved) other = std::move(j->other);
    job::end(*j);
    to.release();
    throw;
  }
}

// What on_stop() leaves in a promise.
template <class F> struct stop_hook final : future_node {
  template <class G> explicit stop_hook(G&& g) : future_node(hook_ops), f(std::forward<G>(g)) {}
  static void end(stop_hook& h) noexcept {
    h.~stop_hook();
    free_task(&h, sizeof(stop_hook));
  }
  static bool done(future_node& n) noexcept {
    end(static_cast<stop_hook&>(n));
    return false;
  }
  static void never(future_node& n) noexcept { end(static_cast<stop_hook&>(n)); }
  static void stop(future_node& n) noexcept {
    std::invoke(std::move(static_cast<stop_hook&>(n).f));
    end(static_cast<stop_hook&>(n));
  }
  static constexpr future_node_ops hook_ops{&done, &never, nullptr, &stop};
  F f;
};

} // namespace detail
} // namespace thrum
