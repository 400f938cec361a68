#include "base/sanitizer.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/switch.h"
#include "sched/timers.h"

#include <new>
#include <thrum/detail/stop_scope.h>
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

// The timer of a sleep stands in a small object, not in the frame of the sleeper: to sort the sleepers of a crowd then walks
// through dense memory, while each frame lies in a page of its own that nothing else has touched for long. (A million
// sleepers of 1 s: a sixth of the whole cost, November 2026.) Whoever decides the wait frees it.
constexpr unsigned sleeper_class = task_class(sizeof(timer_entry));
static_assert(sleeper_class == 0);

wait::agent& owner_of(const timer_entry& e) noexcept {
  return *const_cast<wait::agent*>(static_cast<const wait::agent*>(e.touches));
}

void wake_sleeper(worker& w, timer_entry& e) noexcept {
  wait::agent& owner = owner_of(e);
  if (!wait::claim(owner, 0)) return;
  put_object(w, sleeper_class, &e);
  ready_inside(w, owner);
}

// Where no such object can be had.
void wake_poor_sleeper(worker& w, timer_entry& e) noexcept {
  wait::agent& owner = owner_of(e);
  if (wait::claim(owner, 0)) ready_inside(w, owner);
}

detail::stopped sleep_fiber(fiber& f, env::nanoseconds deadline) noexcept {
  if (must_stop(f)) return detail::stopped(stop_reason(f));
  worker& w = enter();
  alignas(timer_entry) unsigned char in_frame[sizeof(timer_entry)];
  void* memory = take_object(w, sleeper_class);
  timer_entry& e = *::new (memory != nullptr ? memory : in_frame) timer_entry;
  e.deadline = deadline;
  e.fire = memory != nullptr ? &wake_sleeper : &wake_poor_sleeper;
  e.touches = static_cast<const wait::agent*>(&f);
  if (park(f, set_timer(w, e), wait_reason::sleep, nullptr) != wait::decision::stopped) return {};
  cancel_timer(wait::this_thread(), e);
  if (memory != nullptr) {
    put_object(enter(), sleeper_class, memory);
    leave();
  }
  return detail::stopped(stop_reason(f));
}

} // namespace

} // namespace sched

namespace this_fiber {

void yield() noexcept {
  if (sched::this_fiber() == nullptr) return env::linux_world().yield_thread();
  sched::worker& w = sched::enter();
  sched::yield_to_next(w);
  sched::leave();
}

thrum::detail::stopped detail::sleep_until(thrum::detail::deadline_t deadline) noexcept {
  if (sched::fiber* f = sched::this_fiber()) return sched::sleep_fiber(*f, deadline);
  env::world& world = env::linux_world();
  const std::uint32_t never_woken = 0;
  while (world.now() < deadline) world.wait_word(&never_woken, 0, deadline);
  return {};
}

bool stop_requested() noexcept {
  const sched::fiber* f = sched::this_fiber();
  return f != nullptr && f->stop_requested.load(std::memory_order_relaxed) && // relaxed: a flag
         sched::stop_in_force(*f);
}

void check() {
  const sched::fiber* f = sched::this_fiber();
  if (f != nullptr && sched::must_stop(*f)) throw cancelled(sched::stop_reason(*f));
}

std::chrono::steady_clock::time_point deadline() noexcept {
  const thrum::detail::deadline_t d = thrum::detail::scope_deadline();
  using time_point = std::chrono::steady_clock::time_point;
  return d == thrum::detail::no_deadline ? time_point::max() : time_point(std::chrono::nanoseconds(d));
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
