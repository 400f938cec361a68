// barrier: a meeting point that is used again and again. Nobody goes on before all have arrived.
//
//   std::vector<int> now(100), next(100);
//   thrum::barrier step(4, [&]() noexcept { now.swap(next); });
//   thrum::wait_group workers;
//   for (int i = 0; i < 4; ++i)
//     workers.go([&, i] { for (int t = 0; t < 10; ++t) { work(i); step.arrive_and_wait(); } });
//
// Has the members of std::barrier. The completion function is called once a phase, by the last to arrive, before anybody is
// let go.
//
// What the caller owes   In a phase no more arrive than are expected: that panics. arrive() and wait() are not called by the
//                        completion function. A token is waited for in its phase or the one after.
// What is guaranteed     A phase begins when the completion function of the one before has returned.
// May park               wait(), arrive_and_wait(); and what the completion function does.
// Happens-before         every arrive -> the completion function -> the return of every wait for that phase.
// When it dies           Who returned from a wait may destroy it at once, while the last to arrive is still returning; but not
//                        while others are inside wait() and were cancelled, or have yet to arrive.
// Errors                 cancelled, from waits. What was counted as arrived stays counted. The completion function is shielded
//                        from stop requests: others wait for it.
// Cost                   an arrival takes a lock, about 8 ns; a phase one switch for each who waits. 56 bytes and the completion
//                        function.
// Source of the idea     std::barrier; Java's Phaser.
#pragma once

#include <thrum/detail/atomic.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace thrum {

namespace detail {

// The part that does not depend on the completion function (src/sync/barrier.cc).
class barrier_core {
public:
  struct completion {
    void (*call)(void* object) noexcept;
    void* object;
  };
  static constexpr std::ptrdiff_t largest = PTRDIFF_MAX;

  constexpr explicit barrier_core(std::ptrdiff_t expected) noexcept
      : pending_(expected), expected_(expected) {
    if (expected < 0) panic_initial();
  }
  barrier_core(const barrier_core&) = delete;
  barrier_core& operator=(const barrier_core&) = delete;

  std::uint64_t arrive(std::ptrdiff_t n, bool leaves,
                       const completion& last_act) noexcept; // the phase arrived in
  void wait(std::uint64_t phase);
  void arrive_and_wait(const completion& last_act);

private:
  [[noreturn]] static void panic_initial() noexcept;
  bool count(std::ptrdiff_t n, bool leaves) noexcept;
  void complete(const completion& last_act) noexcept;

  atomic<std::uint64_t> phase_{0};
  std::ptrdiff_t pending_;  // guarded: how many have yet to arrive in this phase
  std::ptrdiff_t expected_; // guarded: in the next one
  alignas(detail::room_alignment) unsigned char state_[detail::room_for(32)] = {}; // sync::barrier_state
};

struct no_completion {
  void operator()() noexcept {}
};

} // namespace detail

template <class CompletionFunction = detail::no_completion> class barrier {
  static_assert(std::is_nothrow_invocable_v<CompletionFunction&>,
                "thrum: a barrier's completion function must be noexcept: nobody could handle its exception");

public:
  // Says in which phase its holder has arrived.
  class arrival_token {
  public:
    arrival_token(arrival_token&&) noexcept = default;
    arrival_token& operator=(arrival_token&&) noexcept = default;

  private:
    friend class barrier;
    explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
    std::uint64_t phase_;
  };

  static constexpr std::ptrdiff_t(max)() noexcept { return detail::barrier_core::largest; }

  constexpr explicit barrier(std::ptrdiff_t expected, CompletionFunction f = CompletionFunction())
      : core_(expected), completion_(std::move(f)) {}

  // Counts n arrivals. Does not wait for the others; waits if the completion function does and this is the last.
  [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) {
    return arrival_token(core_.arrive(n, false, last_act()));
  }
  // Waits for the end of the token's phase. Throws `cancelled`.
  void wait(arrival_token&& token) const { core_.wait(token.phase_); }
  void arrive_and_wait() { core_.arrive_and_wait(last_act()); }
  // Arrives, and is not expected any more in later phases.
  void arrive_and_drop() { core_.arrive(1, true, last_act()); }

private:
  detail::barrier_core::completion last_act() noexcept {
    return {[](void* self) noexcept { static_cast<void>(static_cast<barrier*>(self)->completion_()); }, this};
  }

  mutable detail::barrier_core core_; // waiting is const, as in the standard, but it queues
  [[no_unique_address]] CompletionFunction completion_;
};

} // namespace thrum
