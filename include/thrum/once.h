// call_once: the first who comes calls the function, all others wait until it has returned.
//
//   static thrum::once_flag made;
//   static std::optional<picture> logo;
//   thrum::call_once(made, [] { logo = draw(); });
//   show(*logo);
//
// Has the shape of std::call_once. A call that throws does not count: the exception goes to its caller, and one of those who
// waited calls the function in its turn.
//
// What the caller owes   The function does not call call_once with the same flag: that panics.
// What is guaranteed     Exactly one call returns without an exception.
// May park               while another fiber or thread is in the call.
// Happens-before         the call that returned -> the return of every call_once with this flag.
// When it dies           Who returned from call_once may destroy the flag at once; but not while others are inside.
// Errors                 cancelled, while waiting; and whatever the function throws.
// Cost                   once called: a load. The call itself: two atomic operations. 48 bytes; a constant initialiser.
// Source of the idea     std::call_once; Go's sync.Once.
#pragma once

#include <thrum/detail/atomic.h>
#include <thrum/detail/self.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace thrum {

namespace sync {
struct holder_layout; // for reports
}

class once_flag {
public:
  constexpr once_flag() noexcept = default;
  once_flag(const once_flag&) = delete;
  once_flag& operator=(const once_flag&) = delete;

private:
  friend struct sync::holder_layout;
  template <class F, class... A> friend void call_once(once_flag& flag, F&& f, A&&... a);

  enum : std::uint32_t { idle, running, awaited, called };

  bool has_called() const noexcept { return stage_.load(std::memory_order_acquire) == called; } // Y1
  // True: the caller is to call, and then to tell how that ended. False: somebody has called. Throws `cancelled`.
  bool begin();
  void end(bool has_returned) noexcept;

  detail::atomic<std::uint32_t> stage_{idle};                                      // src/sync/once.cc
  detail::atomic<wait::agent*> caller_{nullptr};                                   // who is in the call
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(32)] = {}; // sync::once_state
};

template <class F, class... A> void call_once(once_flag& flag, F&& f, A&&... a) {
  if (__builtin_expect(flag.has_called(), true) || !flag.begin()) return;
  struct attempt {
    once_flag& flag;
    bool has_returned = false;
    ~attempt() { flag.end(has_returned); }
  } mine{flag};
  std::invoke(std::forward<F>(f), std::forward<A>(a)...);
  mine.has_returned = true;
}

} // namespace thrum
