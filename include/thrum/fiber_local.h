// fiber_local: a variable of which every fiber has its own, as every thread has its own of a thread_local. A plain thread
// counts as a fiber: it has one of its own, too.
//
//   thrum::fiber_local<std::string> last_error;               // std::string() in each fiber
//   thrum::fiber_local<int> budget([] { return 100; });       // begins with 100 in each
//   *last_error = "not found";
//   last_error->append(" in time");
//   if (--*budget == 0) throw std::runtime_error(*last_error);
//
// A thread_local is no substitute in a fiber: after a wait the fiber may go on on another thread, whose thread_local is another
// one; and compilers keep the address of the first. The value of a fiber_local goes where its fiber goes.
//
// What the caller owes   References to a value are for its own fiber; others may use them as far as T allows, while they know
//                        that the fiber lives. The initialiser may be called by several fibers at a time, and does not use
//                        the value that it is to make: that panics.
// What is guaranteed     A fiber's value is made when the fiber first uses it, by the initialiser or else as T(). It stays at its
//                        address until the fiber ends or calls reset(). If making it throws, there is none, and the next use
//                        tries again.
// Inheritance            none: a new fiber begins without values, whoever started it. What is to be inherited is a
//                        scoped value (scoped.h).
// The end of a fiber     destroys its values, the newest first, after its function has returned and what was caught or moved into
//                        it is gone; before join() or a wait_group's wait() returns. For a thread: when its thread_local
//                        variables are destroyed. A destructor may use fiber_locals; one whose value is gone already gets a new
//                        one, which is destroyed next. If that does not come to an end in four rounds, the program panics.
//                        Destructors may wait; stop requests do not interrupt them. They do not throw.
// May park               No, unless T's constructor or destructor or the initialiser does.
// Happens-before         nothing: values are not shared.
// When it dies           It may be a static object or a member. When it is destroyed, nobody uses it; the values that fibers
//                        have still are destroyed when they end, or sooner. A constant initialiser: it can be used by the
//                        constructors of static objects. Values of abandoned fibers (runtime.h), and those that a thread makes
//                        while its last thread_local variables are being destroyed, are never destroyed.
// Errors                 std::bad_alloc at a fiber's first use, and what T's constructor or the initialiser throws.
// Cost                   A use: about 3 ns. The first in a fiber: two allocations, one for each later variable. A fiber that uses
//                        none pays nothing. 16 bytes.
// Source of the idea     thread_local and pthread_key_create; boost::fibers::fiber_specific_ptr.
#pragma once

#include <thrum/detail/local.h>

#include <functional>
#include <type_traits>
#include <utility>

namespace thrum {

// Make: how values are made; called without arguments.
template <class T, class Make = T (*)()> class fiber_local {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "thrum: a fiber_local holds an object");
  static_assert(
      std::is_nothrow_destructible_v<T>,
      "thrum: the value of a fiber_local dies at the end of its fiber, where nothing can be thrown");
  static_assert(std::is_invocable_r_v<T, const Make&>,
                "thrum: the initialiser of a fiber_local is called as f() const and returns the value");

public:
  // Values begin as T().
  constexpr fiber_local() noexcept
    requires std::is_pointer_v<Make> && std::is_default_constructible_v<T>
      : make_{} {}
  // Values begin as make(). A function, or a lambda without captures; for others name the second parameter, or leave both to the
  // compiler.
  constexpr explicit fiber_local(Make make) noexcept(std::is_nothrow_move_constructible_v<Make>)
      : make_(std::move(make)) {}
  ~fiber_local() { detail::retire_local(key_); }
  fiber_local(const fiber_local&) = delete;
  fiber_local& operator=(const fiber_local&) = delete;

  // The calling fiber's value; makes it if there is none.
  [[nodiscard]] T& get() {
    if (detail::local_value* v = detail::find_local(key_); __builtin_expect(v != nullptr, true))
      return static_cast<node*>(v)->value;
    return make_value();
  }
  [[nodiscard]] T& operator*() { return get(); }
  [[nodiscard]] T* operator->() { return &get(); }

  // The calling fiber's value, or null if it has none yet.
  [[nodiscard]] T* find() noexcept {
    detail::local_value* v = detail::find_local(key_);
    return v == nullptr ? nullptr : &static_cast<node*>(v)->value;
  }

  // Destroys the calling fiber's value, if there is one. The next use makes another.
  void reset() noexcept { detail::reset_local(key_); }

private:
  struct node : detail::local_value {
    explicit node(const Make& make) : value(from(make)) {}
    static T from(const Make& make) {
      if constexpr (std::is_pointer_v<Make> && std::is_default_constructible_v<T>)
        return make == nullptr ? T() : make();
      else
        return std::invoke(make);
    }
    T value;
  };

  [[gnu::noinline]] T& make_value() {
    detail::local_making making(key_);
    node* made = new node(make_);
    made->destroy = [](detail::local_value* v) noexcept { delete static_cast<node*>(v); };
    making.finish(made);
    return made->value;
  }

  detail::local_key key_{0};
  [[no_unique_address]] Make make_;
};

template <class F> explicit fiber_local(F) -> fiber_local<std::invoke_result_t<const F&>, F>;

} // namespace thrum
