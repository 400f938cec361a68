// task<T>: a coroutine that may wait, and returns a T. A fiber with nothing to write down is the usual way to wait; a task is for a million
// small waiters, and for code that is written with co_await anyway.
//
//   thrum::task<int> length_of(thrum::receiver<std::string> words) {
//     int length = 0;
//     while (auto word = co_await words.async_recv()) length += static_cast<int>(word->size());
//     co_return length;
//   }
//   thrum::task<int> both(thrum::receiver<std::string> a, thrum::receiver<std::string> b) {
//     co_return co_await length_of(a) + co_await length_of(b);
//   }
//   int from_a_fiber(thrum::receiver<std::string> a, thrum::receiver<std::string> b) {
//     thrum::fiber<int> beside = thrum::spawn(length_of(a)); // runs now, beside this fiber
//     return thrum::await(length_of(b)) + beside.join();      // runs here until it has to wait
//   }
//
// Functions have no colour in either direction:
//
// await(t)                in a fiber or thread: runs the task to its end and returns its result. In a fiber it runs on the fiber's
//                         stack until it first waits; then the fiber parks. await(op) takes any operation, and anything awaitable
// spawn(t), spawn(f)      starts it, or what f() returns, and gives a handle like a fiber's (spawn.h): join, wait_for, request_stop;
//                         ended() selects it, co_await handle.async_join() joins it
// go(t), go(f)            starts it, and nobody joins it (go.h)
// co_await t              in another task, or an async_generator
// recv(), lock(), ...     whatever blocks may be called in a task: it is resumed on a fiber of its own each time, which parks
//                         with it; others go on
//
// Lambdas: a coroutine refers to the captures of its lambda, which is often a temporary. spawn([=]() -> task<> { ... }) and go()
// keep the lambda until the coroutine has ended. spawn([=]() -> task<> { ... }()) does not: pass what it needs as
// parameters then, which the coroutine owns. Parameters that are references are as long as what they refer to.
//
// What the caller owes   A task is awaited, started or waited for once; an empty one panics. What it refers to outlives it.
// What is guaranteed     Nothing runs before. It goes on on any thread of its runtime; or, if it was started by work of an executor
//                        (executor.h), in that executor. If that drops it, it never begins, or is asked to stop and ends in its
//                        runtime. What is bound to a scoped value (scoped.h) is inherited and kept over waits; a
//                        fiber_local is that of the fiber which runs it at the moment: not kept. Tasks that await each other
//                        use no stack for it, however deep or long.
// Stop requests          go to the whole: what was started, with all that it awaits. They come from request_stop() of its
//                        handle, from its destruction, from the end of the runtime, or to the fiber that await()s it. Each
//                        co_await that would suspend throws `cancelled` then, the present and all later ones, as waits do in
//                        fibers (error.h); blocking calls on its runner throw, too, unless an executor runs it.
// May park               await(). Starting one: no.
// Happens-before         as for a call: co_await t -> t's body -> what follows. spawn, join: as for fibers.
// When it dies           A task that is destroyed before it was started ends where it stands: nowhere. Parameters and variables end
//                        with the coroutine, before its awaiter goes on; f of spawn(f) after it.
// Errors                 what the body throws comes out of co_await, await() or join(); out of go() as with fibers.
//                        std::bad_alloc from the call that makes the coroutine.
// Cost                   making and awaiting one that does not wait: 20 ns, by await() in a fiber 23 ns, by spawn() and join() 106 ns. One that
//                        waits takes its frame, from a pool of blocks of 64, 128, 192 and 256 bytes, and, if it was started, 128 bytes more;
//                        with a handle, 256. (A frame that waits for a channel and does nothing else: 176 bytes.)
// Source of the idea     cppcoro's task; std::execution::task.
#pragma once

#include <thrum/attrs.h>
#include <thrum/detail/coroutine.h>
#include <thrum/detail/joinable.h>
#include <thrum/go.h>
#include <thrum/operation.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

namespace thrum {

namespace detail {

template <class T> struct task_promise;
template <class T> struct task_awaiter;
struct task_access;

} // namespace detail

template <class T = void>
class [[nodiscard("a task does nothing until it is awaited, or given to await(), spawn() or go()")]] task {
  static_assert(std::is_void_v<T> || std::is_reference_v<T> || std::is_move_constructible_v<T>,
                "thrum: a task returns an object that can be moved, a reference, or nothing");

public:
  using value_type = T;
  using promise_type = detail::task_promise<T>;

  task() noexcept = default; // empty
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }
  [[nodiscard]] explicit operator bool() const noexcept { return frame_ != nullptr; }

  // co_await std::move(t): runs it, and gives what it returns or throws.
  detail::task_awaiter<T> operator co_await() && noexcept { return {std::move(*this)}; }
  void operator co_await() & = delete; // a task is awaited once: co_await std::move(t)

private:
  friend detail::task_promise<T>;
  friend detail::task_access;
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

struct task_access {
  template <class T> static std::coroutine_handle<task_promise<T>> frame(const thrum::task<T>& t) noexcept {
    if (!t.frame_) panic_empty_coroutine();
    return t.frame_;
  }
  // A flow has what it began until it has ended, and hands it out then (run_flow()); null: it was not begun.
  template <class T> static void hand_over(thrum::task<T>&& t) noexcept { t.frame_ = nullptr; }
  template <class T> static thrum::task<T> ended(std::coroutine_handle<> frame) noexcept {
    return thrum::task<T>(std::coroutine_handle<task_promise<T>>::from_address(frame.address()));
  }
};

template <class T> struct any_task_promise : coroutine_promise {
  std::suspend_always initial_suspend() const noexcept { return {}; }
  end_of_coroutine final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { result.set_error(std::current_exception()); }

  coroutine_result<T> result;
};
template <class T> struct task_promise : any_task_promise<T> {
  thrum::task<T> get_return_object() noexcept {
    return thrum::task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
  }
  template <class U = T>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& value) {
    this->result.set_value(std::forward<U>(value));
  }
};
template <> struct task_promise<void> : any_task_promise<void> {
  thrum::task<void> get_return_object() noexcept {
    return thrum::task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
  }
  void return_void() const noexcept {}
};

template <class T> std::coroutine_handle<> first_of(const thrum::task<T>& t, coroutine_flow& flow) noexcept {
  const auto frame = task_access::frame(t);
  frame.promise().flow = &flow;
  return frame;
}

template <class T> struct task_awaiter {
  thrum::task<T> awaited; // ends before who awaits goes on

  bool await_ready() const noexcept {
    if (!awaited) panic_empty_coroutine();
    return false;
  }
  template <class P> void await_suspend(std::coroutine_handle<P> h) noexcept {
    coroutine_flow& flow = flow_of(h);
    const auto callee = task_access::frame(awaited);
    callee.promise().flow = &flow;
    callee.promise().continuation = h;
    flow.turn->next = callee;
  }
  T await_resume() {
    const thrum::task<T> ended = std::move(awaited);
    return task_access::frame(ended).promise().result.take();
  }
};

// ---- started coroutines: f, and the flow with what f made

template <class T, class F> struct started_coroutine {
  template <class G> started_coroutine(G&& g, detail::task& resumption, runtime* where)
      : f(std::forward<G>(g)), flow(resumption, where, true) {}
  ~started_coroutine() {}

  void begin() {
    thrum::task<T> body = f(); // an lvalue: the coroutine may refer to its captures
    flow.at = first_of(body, flow);
    task_access::hand_over(std::move(body));
  }
  // What the coroutine refers to ends after it.
  void end_callable() noexcept { f.~F(); }

  union {
    F f; // alive until end_callable()
  };
  coroutine_flow flow;
};

// With a handle.
template <class T, class F> struct coroutine_task final : result_task<T> {
  template <class G> coroutine_task(G&& g, const attrs& a, std::source_location s, runtime* where)
      : result_task<T>(&begin, &destroy_it, a, s), started(std::forward<G>(g), *this, where) {
    join_by_flow(*this, started.flow);
    this->asks_why = true;
  }

  // An executor did not take it: it ends without having begun.
  void free_refused() noexcept {
    started.end_callable();
    this->~coroutine_task();
    free_task(this, sizeof(coroutine_task));
  }

  static void begin(detail::task& t) {
    auto& self = static_cast<coroutine_task&>(t);
    if (__builtin_expect(self.dropped, false)) {
      self.error = std::current_exception();
      self.started.end_callable();
      end_flow(self.started.flow);
      return publish_dropped(self);
    }
    if (sent_home(self.started.flow, t)) return;
    self.run = &go_on;
    try {
      self.started.begin();
    } catch (...) {
      self.error = std::current_exception();
      return self.end({});
    }
    if (const auto ended = run_flow(self.started.flow)) self.end(ended);
  }
  static void go_on(detail::task& t) {
    auto& self = static_cast<coroutine_task&>(t);
    if (__builtin_expect(self.dropped, false)) self.error = std::current_exception();
    if (sent_home(self.started.flow, t)) return;
    if (const auto ended = run_flow(self.started.flow)) self.end(ended);
  }
  void end(std::coroutine_handle<> ended) {
    thrum::task<T> body = task_access::ended<T>(ended);
    if (this->error == nullptr) try {
        auto& result = task_access::frame(body).promise().result;
        if constexpr (std::is_void_v<T>)
          result.take();
        else if constexpr (std::is_reference_v<T>) {
          auto&& referred = result.take();
          this->value = std::addressof(referred);
        } else
          ::new (static_cast<void*>(std::addressof(this->value))) T(result.take());
      } catch (...) { this->error = std::current_exception(); }
    body = {};
    started.end_callable();
    end_flow(started.flow);
    publish_end(*this);
  }
  static void destroy_it(joinable_task& t) noexcept {
    auto& self = static_cast<coroutine_task&>(t);
    if (self.error == nullptr) self.destroy_value();
    self.~coroutine_task();
    free_task(&self, sizeof(coroutine_task));
  }

  started_coroutine<T, F> started;
};

// Without.
template <class T, class F> struct detached_coroutine final : detail::task {
  template <class G> detached_coroutine(G&& g, const attrs& a, std::source_location s, runtime* where)
      : task(&begin, a, s), started(std::forward<G>(g), *this, where) {}

  static void begin(detail::task& t) {
    auto& self = static_cast<detached_coroutine&>(t);
    if (__builtin_expect(self.dropped, false)) return self.end_life();
    if (sent_home(self.started.flow, t)) return;
    self.run = &go_on;
    try {
      self.started.begin();
    } catch (...) {
      self.end_life();
      throw;
    }
    if (const auto ended = run_flow(self.started.flow)) self.end(ended);
  }
  static void go_on(detail::task& t) {
    auto& self = static_cast<detached_coroutine&>(t);
    if (sent_home(self.started.flow, t)) return;
    if (const auto ended = run_flow(self.started.flow)) self.end(ended);
  }
  void end(std::coroutine_handle<> ended) {
    std::exception_ptr failed;
    thrum::task<T> body = task_access::ended<T>(ended);
    try {
      static_cast<void>(task_access::frame(body).promise().result.take());
    } catch (...) { failed = std::current_exception(); }
    body = {};
    end_life();
    if (failed) std::rethrow_exception(std::move(failed));
  }
  void end_life() noexcept {
    started.end_callable();
    end_flow(started.flow);
    this->~detached_coroutine();
    free_task(this, sizeof(detached_coroutine));
  }

  started_coroutine<T, F> started;
};

template <class C, class F>
C* make_started(F&& f, const attrs& a, std::source_location site, runtime* where) {
  static_assert(alignof(C) <= 64,
                "thrum: a coroutine's callable and result may be aligned to 64 bytes at most");
  void* memory = allocate_task(sizeof(C));
  try {
    return ::new (memory) C(std::forward<F>(f), a, site, where);
  } catch (...) {
    free_task(memory, sizeof(C));
    throw;
  }
}

template <class T> struct started_by<thrum::task<T>> {
  using result = T;
  static constexpr bool is_coroutine = true;
  template <class F>
  static result_task<T>* make(F&& f, const attrs& a, std::source_location site, runtime* where) {
    return make_started<coroutine_task<T, std::decay_t<F>>>(std::forward<F>(f), a, site, where);
  }
  template <class F> static auto* make_at(executor& home, F&& f, const attrs& a, std::source_location site) {
    auto* made = make_started<coroutine_task<T, std::decay_t<F>>>(std::forward<F>(f), a, site, nullptr);
    belong_to(made->started.flow, home);
    return made;
  }
  template <class F>
  static detail::task* make_detached(F&& f, const attrs& a, std::source_location site, runtime* where) {
    return make_started<detached_coroutine<T, std::decay_t<F>>>(std::forward<F>(f), a, site, where);
  }
};

// A task as what makes it.
template <class T> struct made_task {
  thrum::task<T> made;
  thrum::task<T> operator()() noexcept { return std::move(made); }
};

template <class T> T run_to_end(thrum::task<T> t, std::source_location site) {
  awaited_flow flow(site);
  flow.run_to_end(first_of(t, flow.flow));
  return task_access::frame(t).promise().result.take();
}

template <class A> decltype(auto) awaiter_of(A&& a) {
  if constexpr (requires { std::forward<A>(a).operator co_await(); })
    return std::forward<A>(a).operator co_await();
  else if constexpr (requires { operator co_await(std::forward<A>(a)); })
    return operator co_await(std::forward<A>(a));
  else
    return std::forward<A>(a);
}
template <class A> using awaited_t = decltype(awaiter_of(std::declval<A>()).await_resume());

template <class A> thrum::task<awaited_t<A>> await_in_task(A& a) { co_return co_await std::forward<A>(a); }

} // namespace detail

template <class T> fiber<T> spawn(task<T>&& t, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, attrs{}, site, detail::made_task<T>{std::move(t)});
}
template <class T>
fiber<T> spawn(const attrs& a, task<T>&& t, std::source_location site = std::source_location::current()) {
  return detail::spawn_on(nullptr, a, site, detail::made_task<T>{std::move(t)});
}
template <class T> void go(task<T>&& t, std::source_location site = std::source_location::current()) {
  detail::launch_detached(detail::made_task<T>{std::move(t)}, attrs{}, site, nullptr);
}
template <class T>
void go(const attrs& a, task<T>&& t, std::source_location site = std::source_location::current()) {
  detail::launch_detached(detail::made_task<T>{std::move(t)}, a, site, nullptr);
}

// Runs the task to its end, for the calling fiber or thread. On a plain thread it runs on the default runtime.
template <class T> T await(task<T>&& t, std::source_location site = std::source_location::current()) {
  if (!detail::inside_fiber()) // named, or it would belong to the executor whose thread is blocked here
    return detail::spawn_on(&runtime::current(), attrs{}, site, detail::made_task<T>{std::move(t)}).join();
  return detail::run_to_end(std::move(t), site);
}
// An operation; or anything that a task could await, which a task then does.
template <class A> decltype(auto) await(A&& a) {
  if constexpr (requires { std::forward<A>(a).wait(); })
    return std::forward<A>(a).wait();
  else
    return thrum::await(detail::await_in_task<A&&>(a));
}

} // namespace thrum
