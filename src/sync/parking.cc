#include "sync/parking.h"

namespace thrum::sync {

using wait::lock;

// The guard is held.
void parking_lot::count(int more) noexcept {
  const std::uint32_t now = sleepers_.load(std::memory_order_relaxed);                // relaxed: K2
  sleepers_.store(now + static_cast<std::uint32_t>(more), std::memory_order_relaxed); // relaxed: K2, K3
}

// Somebody has left the queue of the place there, perhaps the first (K1). The frame that the place is in is still valid.
void parking_lot::settle(base::guarded<place*>* link) noexcept {
  place& here = **link;
  wait::waiter* const first = here.queue.front();
  if (first == nullptr) return places::remove(link);
  if (place& own = static_cast<sleeper*>(first)->own; &own != &here) places::move(link, own);
}

bool parking_lot::wait(parking_key key, const detail::awaited& what, detail::deadline_t deadline) {
  wait::agent& self = sched::this_agent();
  while (!what.differs(what, what.order)) {
    switch (sleep(self, key, what, deadline)) {
    case waking::woken: break;
    case waking::timeout: return what.differs(what, what.order);
    case waking::stopped: throw_cancelled(self);
    }
  }
  return true;
}

// Woken: to look again. The guard is not held, whatever is returned.
waking parking_lot::sleep(wait::agent& self, parking_key key, const detail::awaited& what,
                          detail::deadline_t deadline) noexcept {
  sleeper s;
  s.owner = &self;
  lock::held held = guard_.acquire(wait::this_thread());
  count(+1);
  base::thread_fence(std::memory_order_seq_cst); // K3
  const auto leave = [&](waking how) noexcept {
    count(-1);
    lock::release(held);
    return how;
  };
  if (what.differs(what, std::memory_order_relaxed)) return leave(waking::woken); // relaxed: K3
  if (sched::must_stop(self)) return leave(waking::stopped);
  if (deadline != detail::no_deadline && detail::steady_now() >= deadline) return leave(waking::timeout);
  base::guarded<place*>* link = places_.find(key);
  if (*link == nullptr) {
    s.own.key = key;
    *link = &s.own;
  }
  (*link)->queue.push_back(s);
  const std::uint32_t d = deadline == detail::no_deadline
                              ? sched::park(self, held, sched::wait_reason::atomic_wait, what.address)
                              : sched::park_until(self, held, nullptr, nullptr, deadline, 1,
                                                  sched::wait_reason::atomic_wait, what.address);
  if (d == wait::decision::first) return waking::woken;
  held = guard_.acquire(wait::this_thread()); // also if it is not queued any more: W2 (wait/waiter.h)
  const waking how = d == wait::decision::stopped ? waking::stopped : waking::timeout;
  if (!s.linked) {
    lock::release(held);
    return how;
  }
  link = places_.find(key);
  (*link)->queue.erase(s);
  settle(link);
  return leave(how);
}

void parking_lot::wake_slow(parking_key key, bool all) noexcept {
  wait::waiter_list claimed;
  const lock::held held = guard_.acquire(wait::this_thread());
  base::guarded<place*>* const link = places_.find(key);
  if (*link != nullptr) {
    int gone = 0;
    while (wait::waiter* w = (*link)->queue.pop_front()) {
      ++gone;
      if (!wait::claim(*w)) continue; // decided otherwise; it will take the guard before its frame ends
      claimed.push_back(*w);
      if (!all) break;
    }
    settle(link);
    count(-gone);
  }
  lock::release(held);
  ready_all(claimed);
}

} // namespace thrum::sync
