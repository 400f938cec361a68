#include "io/operation.h"

#include "sched/park.h"

#include <algorithm>

#include <thrum/this_fiber.h>

namespace thrum::io {

namespace {

using detail::deadline_t;
using detail::no_deadline;
using wait::lock;
namespace decision = wait::decision;

constexpr std::uint32_t timed_out = 1; // the index of a wait's deadline; that of its waiter is 0

// Operations in a row on one descriptor that found it ready, after which others get a chance: a fiber whose peer is always
// faster would never wait, and so keep its processor. (64 of them take about 100 us; a yield among nobody takes 10 ns.)
constexpr std::uint16_t longest_burst = 64;

bool passed(deadline_t until) noexcept { return until != no_deadline && detail::steady_now() >= until; }

} // namespace

void operation::throw_stopped(const wait::agent& self) const {
  const cancel_reason reason = sched::stop_reason(static_cast<const sched::fiber&>(self));
  if (transferred_ != 0) throw cancelled_transfer(reason, transferred_);
  throw cancelled(reason);
}

void operation::throw_stopped() const { throw_stopped(sched::this_agent()); }

// Queues `w` and parks; the guard is released. Returns the decision. If that was not made by who claims `w`, it is out of
// the queue again.
std::uint32_t operation::park(wait::waiter_list& among, waiting& w, lock::held guard, deadline_t until) {
  auto& self = static_cast<wait::agent&>(*w.owner);
  const auto why = way_ == direction::in ? sched::wait_reason::readable : sched::wait_reason::writable;
  among.push_back(w);
  d_.touches.store(&w, std::memory_order_relaxed); // relaxed: only prefetched
  const descriptor* const what = &d_;              // as note_awaited_read() reads it
  const std::uint32_t d = until == no_deadline
                              ? sched::park(self, guard, why, what)
                              : sched::park_until(self, guard, nullptr, nullptr, until, timed_out, why, what);
  if (d != decision::first) {
    const lock::held again = d_.guard.acquire(wait::this_thread());
    if (w.linked) among.erase(w);
    lock::release(again);
  }
  return d;
}

// For who looks on. The guard is held.
void operation::note_use() noexcept {
  if (way_ == direction::out)
    d_.asked = true;
  else if (!d_.asks)
    sched::note_work();
}

// Takes the turn and waits until the direction may be ready.
status operation::begin() {
  wait::agent& self = sched::this_agent();
  for (;;) {
    const lock::held guard = d_.guard.acquire(wait::this_thread());
    status s = d_.standing();
    // The sticky deadline refuses before anything is tried (handle.h); that of the operation alone only ends waits.
    if (s == status::ok && (passed(lane_.deadline) || (lane_.busy && passed(until_)))) s = status::deadline;
    if (s != status::ok) {
      lock::release(guard);
      return s;
    }
    if (!lane_.busy) {
      lane_.busy = true;
      ++d_.users;
      has_turn_ = true;
      if (sched::is_looked_on()) note_use();
      return wait_for_edge(guard);
    }
    if (sched::must_stop(self)) {
      lock::release(guard);
      throw_stopped(self);
    }
    waiting w;
    w.owner = &self;
    const std::uint32_t d = park(lane_.queued, w, guard, std::min(until_, lane_.deadline));
    if (d == decision::stopped) throw_stopped(self);
    if (d != decision::first) continue; // a deadline: which one, and has it been moved?
    switch (w.said) {
    case verdict::turn: has_turn_ = true; return wait_for_edge(d_.guard.acquire(wait::this_thread()));
    case verdict::closed: return status::closed;
    case verdict::ended: return status::ended;
    case verdict::again:
    case verdict::edge: break;
    }
  }
}

// Requires: the turn is ours, the guard is held. Returns with the guard free; not ok: without the turn.
//
// A deadline that has passed does not refuse what is there: the kernel may have bytes that no poll has told of yet, so it is
// asked once. That forgets no edge. What this call leaves is still to be told, for the kernel looks again when it reports;
// and an edge for what it took makes the next operation try in vain.
status operation::wait_for_edge(lock::held guard) {
  wait::agent& self = sched::this_agent();
  for (;;) {
    if (const status s = d_.standing(); s != status::ok) {
      give_back(guard);
      return s;
    }
    if ((d_.ready_bits() & ready_bit(way_)) != 0) {
      seen_edges_ = lane_.edges;
      lock::release(guard);
      return status::ok;
    }
    if (sched::must_stop(self)) {
      give_back(guard);
      throw_stopped(self);
    }
    if (passed(lane_.deadline) || (passed(until_) && tried_)) {
      give_back(guard);
      return status::deadline;
    }
    if (passed(until_)) {
      tried_ = true;
      seen_edges_ = lane_.edges;
      lock::release(guard);
      return status::ok;
    }
    const deadline_t until = std::min(until_, lane_.deadline);
    waiting w;
    w.owner = &self;
    parked_ = true;
    const std::uint32_t d = park(lane_.parked, w, guard, until);
    if (d == decision::first) {
      switch (w.said) {
      case verdict::edge: seen_edges_ = w.edges; return status::ok;
      case verdict::closed: has_turn_ = false; return status::closed;
      case verdict::ended: has_turn_ = false; return status::ended;
      case verdict::again:
      case verdict::turn: break;
      }
    }
    guard = d_.guard.acquire(wait::this_thread());
    if (d == decision::stopped) {
      give_back(guard);
      throw_stopped(self);
    }
  }
}

// The guard is held: less than wanted was transferred, so the direction is not ready any more, unless an edge has come or a
// short transfer proves nothing here.
void operation::note_short() noexcept {
  short_ = false;
  if (d_.standing() != status::ok) return; // nobody is to wait any more (N5)
  if (lane_.edges == seen_edges_ && !lane_.tail) d_.clear_ready(ready_bit(way_));
}

// After a step that did not do all: waits until the next one may do more.
status operation::wait_again(bool would_block) {
  const lock::held guard = d_.guard.acquire(wait::this_thread());
  if (would_block && lane_.edges == seen_edges_)
    lane_.tail = false; // whatever was said before: nothing is there
  note_short();
  return wait_for_edge(guard);
}

void operation::end_turn() noexcept {
  const lock::held guard = d_.guard.acquire(wait::this_thread());
  if (short_) note_short();
  const bool others_first = !parked_ && ++d_.burst >= longest_burst;
  if (parked_ || others_first) d_.burst = 0;
  give_back(guard);
  if (others_first) this_fiber::yield();
}

void operation::give_back(lock::held guard) noexcept {
  has_turn_ = false;
  env::world& world = *d_.world;
  const leftover rest = give_turn_back(d_, lane_);
  lock::release(guard);
  finish(d_, world, rest);
}

} // namespace thrum::io
