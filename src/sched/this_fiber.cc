#include "base/sanitizer.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/switch.h"
#include "sched/timers.h"

#include <thrum/error.h>
#include <thrum/this_fiber.h>

namespace thrum {

namespace detail {

deadline_t steady_now() noexcept {
  sched::worker* w = sched::try_this_worker();
  return w != nullptr ? w->runtime.world.now() : env::linux_world().now();
}

} // namespace detail

namespace sched {

namespace {

struct sleeper {
  timer_entry timer;
  wait::waiter waiter;
};

void wake_sleeper(worker& w, timer_entry& e) noexcept {
  auto& s = reinterpret_cast<sleeper&>(e); // its first member
  if (wait::claim(s.waiter)) ready_inside(w, *s.waiter.owner);
}

void throw_if_stopped(const fiber& f) {
  if (must_stop(f)) throw cancelled(stop_reason(f));
}

void sleep_fiber(fiber& f, env::nanoseconds deadline) {
  throw_if_stopped(f);
  sleeper s;
  s.timer.deadline = deadline;
  s.timer.fire = &wake_sleeper;
  s.waiter.owner = &f;
  const wait::lock::held guard = set_timer(enter(), s.timer);
  if (park(f, guard, wait_reason::sleep, nullptr) != wait::decision::stopped) return;
  cancel_timer(wait::this_thread(), s.timer);
  throw cancelled(stop_reason(f));
}

} // namespace

cancel_reason stop_reason(const fiber& f) noexcept {
  return f.runtime->draining.load(std::memory_order_relaxed) ? cancel_reason::shutdown
                                                             : cancel_reason::user; // relaxed: a flag
}

} // namespace sched

namespace this_fiber {

void yield() noexcept {
  if (sched::this_fiber() == nullptr) return env::linux_world().yield_thread();
  sched::worker& w = sched::enter();
  sched::yield_to_next(w);
  sched::leave();
}

void detail::sleep_until(thrum::detail::deadline_t deadline) {
  if (sched::fiber* f = sched::this_fiber()) return sched::sleep_fiber(*f, deadline);
  env::world& world = env::linux_world();
  const std::uint32_t never_woken = 0;
  while (world.now() < deadline) world.wait_word(&never_woken, 0, deadline);
}

bool stop_requested() noexcept {
  const sched::fiber* f = sched::this_fiber();
  return f != nullptr && f->stop_requested.load(std::memory_order_relaxed); // relaxed: a flag
}

void check() {
  if (const sched::fiber* f = sched::this_fiber()) sched::throw_if_stopped(*f);
}

std::uint64_t id() noexcept {
  const sched::fiber* f = sched::this_fiber();
  return f != nullptr ? f->id : 0;
}

const char* name() noexcept {
  const sched::fiber* f = sched::this_fiber();
  return f != nullptr ? f->name : nullptr;
}

} // namespace this_fiber
} // namespace thrum
