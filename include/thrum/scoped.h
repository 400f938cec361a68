// scoped: a value that is bound for as long as a call runs, and can be read by all that happens below: by functions that are
// called, and by fibers that are started there. For what would otherwise be a parameter of everything: the user of a
// request, a trace, a deadline.
//
//   static thrum::scoped<std::string> user;
//   user.bind("alice", [] {
//     work(1);                                         // reads user.get(), however deep
//     thrum::go([] { report(user.get()); });           // inherited, also if bind() has returned by then
//     user.bind("root", [] { report(user.get()); });   // hides "alice" in here
//   });
//
// Or for the rest of a block:
//
//   thrum::scoped<int> depth;
//   const thrum::scoped<int>::binding deeper(depth, depth.get_or(0) + 1);
//
// What the caller owes   Bindings end in the reverse order of their beginning, in the fiber or thread that made them; as local
//                        variables do. Everything else panics. A value may be read by several fibers at a time.
// What is guaranteed     get() is what the innermost binding around it bound, in this fiber or, if it has none, as it was where
//                        the fiber was started. Bindings never change: a binding hides another. So a fiber sees the same value
//                        until it binds another itself.
// Inheritance            by every fiber that go(), spawn(), async(), wait_group::go() or a runtime starts below, also on another runtime.
//                        Functions of timers begin without bindings: whoever is around when one comes due has nothing to do
//                        with it.
// May park               No, unless T's destructor does.
// Happens-before         bind -> every get() of its value.
// When it dies           A value lives until its extent has ended and the last fiber that inherited it has: its destructor runs in
//                        whatever fiber or thread lets go last, and does not throw. The reference of get() is good in the extent
//                        of the binding or, in a fiber that inherited it, until the fiber's function returns. The scoped object
//                        itself is mostly static; when it is destroyed, nobody uses it. A constant initialiser.
// Errors                 std::bad_alloc, and what T's copy or move throws; nothing is bound then. get() where nothing is bound
//                        panics: ask with find() or get_or() if that may be.
// Cost                   A binding: one allocation. get(): 2 ns, and one step for each binding of any scoped value inside.
//                        To start a fiber: nothing when nothing is bound, else one atomic increment for all bindings together.
// Source of the idea     Java's ScopedValue; Go's context.WithValue without the parameter.
#pragma once

#include <thrum/detail/binding.h>

#include <functional>
#include <type_traits>
#include <utility>

namespace thrum {

template <class T> class scoped {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "thrum: a scoped value is an object (it is constant while it is bound)");
  static_assert(std::is_nothrow_destructible_v<T>,
                "thrum: a scoped value dies where the last fiber lets go of it, where nothing can be thrown");

  struct node : detail::binding {
    template <class V> explicit node(V&& v) : value(std::forward<V>(v)) {}
    T value;
  };

public:
  constexpr scoped() noexcept = default;
  scoped(const scoped&) = delete;
  scoped& operator=(const scoped&) = delete;

  // Calls f() with `value` bound; returns what f returns.
  template <class V, class F>
    requires std::is_constructible_v<T, V&&> && std::is_invocable_v<F&&>
  decltype(auto) bind(V&& value, F&& f) {
    const binding bound(*this, std::forward<V>(value));
    return std::invoke(std::forward<F>(f));
  }

  // Binds from its construction to its destruction.
  class [[nodiscard]] binding {
  public:
    template <class V>
      requires std::is_constructible_v<T, V&&>
    binding(scoped& s, V&& value) : bound_(new node(std::forward<V>(value))) {
      bound_->destroy = [](detail::binding* b) noexcept { delete static_cast<node*>(b); };
      detail::begin_binding(s.key_, *bound_);
    }
    ~binding() { detail::end_binding(*bound_); }
    binding(const binding&) = delete;
    binding& operator=(const binding&) = delete;

  private:
    node* bound_;
  };

  // The value bound here. Panics if there is none.
  [[nodiscard]] const T& get() const noexcept {
    const T* value = find();
    if (__builtin_expect(value == nullptr, false)) detail::panic_unbound();
    return *value;
  }
  [[nodiscard]] const T& operator*() const noexcept { return get(); }
  [[nodiscard]] const T* operator->() const noexcept { return &get(); }

  // Or null.
  [[nodiscard]] const T* find() const noexcept {
    const detail::binding* b = detail::find_binding(key_);
    return b == nullptr ? nullptr : &static_cast<const node*>(b)->value;
  }
  // Or something else.
  template <class U> [[nodiscard]] T get_or(U&& otherwise) const {
    const T* value = find();
    return value != nullptr ? *value : static_cast<T>(std::forward<U>(otherwise));
  }
  [[nodiscard]] bool is_bound() const noexcept { return find() != nullptr; }

private:
  detail::binding_key key_{0};
};

} // namespace thrum
