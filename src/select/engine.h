// Waiting for one of several things: the engine behind select(), behind every wait with a deadline, and later behind
// co_await. It knows no channel and no lock; a *source* (a channel's receiving side, a fiber's end, a descriptor) tells it how
// to look, commit, enqueue and withdraw.
//
// How a select goes
//   1. Look, without locks: each source keeps a hint word. If some say ready, one of them is chosen at random and tried under
//      its guard; if that fails (somebody was faster), the next.
//   2. `otherwise`: taken only if nothing was ready *at one instant*. The hints carry versions: if a second reading of all
//      of them finds every word unchanged, nothing was ready at the moment between the two readings.
//   3. Wait: all guards are taken in the order of their addresses (so no two selects wait for each other), everything is
//      tried once more, then a waiter is queued on each source and the agent parks; the guards are released when it has
//      left its stack. So nobody can find it half queued, and no one-by-one registration has to be undone.
//   4. Exactly one claims it (wait/waiter.h). The others are withdrawn before select returns.
//
// Deadlines are not sources: one timer, for the earliest.
#pragma once

#include "sched/park.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace thrum::select {

// A source's readiness for readers without its guard: the low two bits say what is ready, the rest is a version that changes
// whenever they do. Written under the guard.
class hint {
public:
  // Orderings
  //   H1  update's release store -> load's acquire: who sees a source not ready any more sees what was made ready before.
  std::uint32_t load() const noexcept { return word_.load(std::memory_order_acquire); } // H1
  [[gnu::always_inline]] void update(std::uint32_t bits) noexcept {
    const std::uint32_t now = word_.load(std::memory_order_relaxed);                    // relaxed: the guard is held
    if ((now & mask) != bits) word_.store(((now | mask) + 1) | bits, std::memory_order_release); // H1
  }
  static constexpr std::uint32_t mask = 3;

private:
  base::atomic<std::uint32_t> word_{0};
};

struct source_ops;

// One alternative. Made by the source, in the caller's frame.
struct alternative : wait::waiter {
  const source_ops* ops = nullptr; // null: never ready (a nil channel)
  void* source = nullptr;
  const hint* readiness = nullptr;
  std::uint32_t ready_bit = 0;     // of the hint: which of them means that this alternative is ready
  wait::lock* guard = nullptr;
};

struct source_ops {
  // All are called with the guard held.
  // Completes the operation now if that is possible; then puts the agent to be made ready (after the guard is released), if
  // any, in *woken. Sets a.how.
  bool (*try_commit)(alternative& a, wait::agent** woken) noexcept;
  void (*enqueue)(alternative& a) noexcept;
  void (*withdraw)(alternative& a) noexcept; // the waiter is still linked
};

inline constexpr std::size_t none = SIZE_MAX;

struct request {
  std::span<alternative* const> alternatives{}; // null entries do not take part
  wait::lock::held* held = nullptr;           // room for as many guards
  alternative** sorted = nullptr;             // room for as many pointers
  // Not sources; `none` if absent. They share the numbering with the alternatives.
  std::size_t otherwise = none;
  std::size_t stopped = none;
  std::size_t timeout = none;         // which one stands for `deadline`
  std::int64_t deadline = INT64_MAX;  // absolute
  std::size_t delay = none;           // which one stands for `duration`
  std::int64_t duration = INT64_MAX;  // from the moment when the wait begins
  bool ordered = false;               // the first ready one instead of a random one
  sched::wait_reason why = sched::wait_reason::select;
  const void* what = nullptr;
};

// Commits exactly one alternative and returns its index. Throws `cancelled` if the calling fiber is asked to stop and there is no
// `stopped`. May park, unless there is an `otherwise`.
std::size_t run(request& r);

// A wait for one thing with a deadline.
struct single_wait {
  std::int64_t deadline;
  sched::wait_reason why;
  const void* what;
  select::alternative alternative{};

  bool run() { // false: the deadline passed
    select::alternative* one = &alternative;
    select::alternative* sorted;
    wait::lock::held held;
    request r{.alternatives = {&one, 1},
              .held = &held,
              .sorted = &sorted,
              .timeout = 1,
              .deadline = deadline,
              .why = why,
              .what = what};
    return select::run(r) == 0;
  }
};

} // namespace thrum::select
