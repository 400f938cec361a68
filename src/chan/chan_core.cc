#include "chan/chan_core.h"

#include "env/panic.h"
#include "sched/describe.h"
#include "sched/park.h"

#include <new>
#include <thrum/detail/select_case.h>
#include <thrum/error.h>
#include <utility>

namespace thrum {

channel_closed::channel_closed() {
  env::report message;
  message.text("send on a closed channel");
  if (const sched::fiber* f = sched::this_fiber()) sched::describe(*f, message.text(" in "));
  what_.assign(message.view());
}

namespace detail {

namespace {

using wait::lock;
using wait::waiter;

// The guard is held and will be released by the caller. Each returns true if it completed the operation; *woken is then the
// agent to be made ready after the release, if any. If not, waiters that were decided elsewhere may have been dropped: the
// caller updates the hint (C5).

// Requires: !c.closed.
[[gnu::always_inline]] inline bool send_now(chan_core& c, void* value, wait::claimable** woken,
                                            bool* no_memory) noexcept {
  if (__builtin_expect(!c.receivers.empty(), false)) {
    if (waiter* receiver = wait::pop_claimed(c.receivers)) {
      c.elements.hand_over(receiver->slot, value);
      receiver->how = wait::outcome::done;
      *woken = receiver->owner;
      c.update_hint();
      return true;
    }
  }
  if (!c.buffer.full()) {
    void* cell = c.buffer.push();
    if (cell == nullptr) {
      *no_memory = true;
      return false;
    }
    c.elements.store(cell, value);
    c.update_hint();
    return true;
  }
  return false;
}

[[gnu::always_inline]] inline bool recv_now(chan_core& c, void* slot, wait::claimable** woken) noexcept {
  if (!c.buffer.empty()) {
    c.elements.load(slot, c.buffer.pop());
    if (__builtin_expect(!c.senders.empty(), false)) {
      if (waiter* sender = wait::pop_claimed(c.senders)) { // the freed cell goes to who waits longest (C3)
        c.elements.store(c.buffer.push(), sender->slot);
        sender->how = wait::outcome::done;
        *woken = sender->owner;
      }
    }
    c.update_hint();
    return true;
  }
  if (waiter* sender = c.senders.empty() ? nullptr : wait::pop_claimed(c.senders)) { // capacity 0
    c.elements.hand_over(slot, sender->slot);
    sender->how = wait::outcome::done;
    *woken = sender->owner;
    c.update_hint();
    return true;
  }
  return false;
}

[[noreturn]] void throw_cancelled(const wait::agent& self) {
  throw cancelled(sched::stop_reason(static_cast<const sched::fiber&>(self)));
}

// Takes a waiter out that was not claimed.
void withdraw(chan_core& c, waiter& w, wait::waiter_list& from) noexcept {
  const lock::held guard = c.guard.acquire(wait::this_thread());
  if (w.linked) from.erase(w);
  c.update_hint();
  lock::release(guard);
}

// Waits on a nil channel: only a deadline or a stop request ends it.
chan_status wait_for_nothing(deadline_t deadline, sched::wait_reason why) {
  select::single_wait(deadline).run(why, nullptr);
  return chan_status::timeout;
}

// With a deadline: a select of one.
chan_status wait_until(chan_core& c, std::uint32_t bit, void (*prepare)(select_case&) noexcept, void* value,
                       deadline_t deadline, sched::wait_reason why) {
  select::single_wait w(deadline);
  w.source.object = &c;
  w.source.readiness = &c.readiness;
  w.source.ready_bit = bit;
  w.source.prepare = prepare;
  w.source.value = value;
  if (!w.run(why, &c)) return chan_status::timeout;
  return w.how() == wait::outcome::closed ? chan_status::closed : chan_status::ok;
}

// The waiting halves of send and recv. Functions of their own, called last: a function that contains a switch saves every
// register first, which the ways that do not wait need not pay for.
[[gnu::noinline]] chan_status send_waiting(chan_core& c, void* value, deadline_t deadline, lock::held guard) {
  wait::agent& self = sched::this_agent();
  if (__builtin_expect(c.closed || deadline != no_deadline || sched::must_stop(self), false)) {
    const bool closed = c.closed;
    c.update_hint();
    lock::release(guard);
    if (closed) return chan_status::closed;
    if (deadline == no_deadline) throw_cancelled(self);
    return wait_until(c, chan_send_ready, &prepare_send, value, deadline, sched::wait_reason::chan_send);
  }
  waiter w;
  w.owner = &self;
  w.slot = value;
  c.senders.push_back(w);
  c.update_hint();
  if (__builtin_expect(sched::park(self, guard, sched::wait_reason::chan_send, &c) == wait::decision::stopped,
                       false)) {
    withdraw(c, w, c.senders);
    throw_cancelled(self);
  }
  return w.how == wait::outcome::done ? chan_status::ok : chan_status::closed;
}

[[gnu::noinline]] chan_status recv_waiting(chan_core& c, void* slot, deadline_t deadline, lock::held guard) {
  wait::agent& self = sched::this_agent();
  if (__builtin_expect(c.closed || deadline != no_deadline || sched::must_stop(self), false)) {
    const bool closed = c.closed;
    c.update_hint();
    lock::release(guard);
    if (closed) return chan_status::closed;
    if (deadline == no_deadline) throw_cancelled(self);
    return wait_until(c, chan_recv_ready, &prepare_recv, slot, deadline, sched::wait_reason::chan_recv);
  }
  waiter w;
  w.owner = &self;
  w.slot = slot;
  c.receivers.push_back(w);
  c.update_hint();
  if (__builtin_expect(sched::park(self, guard, sched::wait_reason::chan_recv, &c) == wait::decision::stopped,
                       false)) {
    withdraw(c, w, c.receivers);
    throw_cancelled(self);
  }
  return w.how == wait::outcome::done ? chan_status::ok : chan_status::closed;
}

} // namespace

chan_core* make_chan(std::size_t capacity, const element_ops& elements) {
  auto* c = new chan_core(capacity, elements);
  THRUM_DCHECK(static_cast<void*>(&c->readiness) == static_cast<void*>(c)); // as select.h assumes
  return c;
}

void chan_add_ref(chan_core* c) noexcept {
  if (c != nullptr)
    c->references.fetch_add(1, std::memory_order_relaxed); // relaxed: the caller has a reference
}

void chan_drop_ref(chan_core* c) noexcept {
  if (c == nullptr) return;
  if (c->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete c; // F1 (chan_core.h), both ends
}

chan_status chan_send(chan_core* c, void* value, deadline_t deadline) {
  if (__builtin_expect(c == nullptr, false)) return wait_for_nothing(deadline, sched::wait_reason::chan_send);
  const lock::held guard = c->guard.acquire(wait::this_thread());
  if (__builtin_expect(!c->closed, true)) {
    wait::claimable* woken = nullptr;
    bool no_memory = false;
    if (send_now(*c, value, &woken, &no_memory)) {
      lock::release(guard);
      if (woken != nullptr) sched::ready(*woken);
      return chan_status::ok;
    }
    if (no_memory) {
      lock::release(guard);
      throw std::bad_alloc();
    }
  }
  return send_waiting(*c, value, deadline, guard);
}

chan_status chan_try_send(chan_core* c, void* value) {
  // One word answers for an instant: no guard is needed to say no.
  if (c == nullptr || (c->readiness.load() & chan_send_ready) == 0) return chan_status::would_block;
  const lock::held guard = c->guard.acquire(wait::this_thread());
  wait::claimable* woken = nullptr;
  bool no_memory = false;
  const chan_status result = c->closed                                 ? chan_status::closed
                             : send_now(*c, value, &woken, &no_memory) ? chan_status::ok
                                                                       : chan_status::would_block;
  if (result == chan_status::would_block) c->update_hint();
  lock::release(guard);
  if (no_memory) throw std::bad_alloc();
  if (woken != nullptr) sched::ready(*woken);
  return result;
}

chan_status chan_recv(chan_core* c, void* slot, deadline_t deadline) {
  if (__builtin_expect(c == nullptr, false)) return wait_for_nothing(deadline, sched::wait_reason::chan_recv);
  const lock::held guard = c->guard.acquire(wait::this_thread());
  wait::claimable* woken = nullptr;
  if (recv_now(*c, slot, &woken)) {
    lock::release(guard);
    if (woken != nullptr) sched::ready(*woken);
    return chan_status::ok;
  }
  return recv_waiting(*c, slot, deadline, guard);
}

chan_status chan_try_recv(chan_core* c, void* slot) {
  if (c == nullptr || (c->readiness.load() & chan_recv_ready) == 0) return chan_status::would_block;
  const lock::held guard = c->guard.acquire(wait::this_thread());
  wait::claimable* woken = nullptr;
  const chan_status result = recv_now(*c, slot, &woken) ? chan_status::ok
                             : c->closed                ? chan_status::closed
                                                        : chan_status::would_block;
  if (result == chan_status::would_block) c->update_hint();
  lock::release(guard);
  if (woken != nullptr) sched::ready(*woken);
  return result;
}

void chan_close(chan_core* c, std::exception_ptr reason) noexcept {
  if (c == nullptr)
    env::panic("close of a nil channel", "chan<T>(nullptr) and a moved-from handle refer to no channel");
  wait::waiter_list claimed;
  const lock::held guard = c->guard.acquire(wait::this_thread());
  if (!std::exchange(c->closed, true)) std::swap(c->reason, reason);
  for (wait::waiter_list* waiters : {&c->receivers, &c->senders})
    while (waiter* w = wait::pop_claimed(*waiters)) {
      w->how = wait::outcome::closed;
      claimed.push_back(*w);
    }
  c->update_hint();
  lock::release(guard);
  while (waiter* w = claimed.pop_front())
    sched::ready_later(*w->owner); // the node is gone once its owner runs
}

std::exception_ptr chan_close_reason(const chan_core* c) noexcept {
  if (c == nullptr) return nullptr;
  const lock::held guard = const_cast<chan_core*>(c)->guard.acquire(wait::this_thread());
  std::exception_ptr reason = c->reason;
  lock::release(guard);
  return reason;
}

void chan_rethrow_reason(const chan_core* c) {
  if (c->reason != nullptr) std::rethrow_exception(c->reason);
}

bool chan_is_closed(const chan_core* c) noexcept {
  if (c == nullptr) return false;
  const lock::held guard = const_cast<chan_core*>(c)->guard.acquire(wait::this_thread());
  const bool closed = c->closed;
  lock::release(guard);
  return closed;
}

std::size_t chan_size(const chan_core* c) noexcept {
  if (c == nullptr) return 0;
  const lock::held guard = const_cast<chan_core*>(c)->guard.acquire(wait::this_thread());
  const std::size_t size = c->buffer.size();
  lock::release(guard);
  return size;
}

std::size_t chan_capacity(const chan_core* c) noexcept { return c == nullptr ? 0 : c->buffer.capacity(); }

void throw_channel_closed() { throw channel_closed(); }

bool chan_core::check_invariants() noexcept {
  const lock::held held = guard.acquire(wait::this_thread());
  const bool ok = buffer.size() <= buffer.capacity() &&                    // C1
                  (readiness.load() & select::hint::mask) == ready_bits(); // C5
  lock::release(held);
  return ok;
}

} // namespace detail

namespace chan {

namespace {

using detail::chan_core;
using select::alternative;

bool commit_send(alternative& a, wait::claimable** woken) noexcept {
  auto& c = *static_cast<chan_core*>(a.source);
  if (c.closed) {
    a.how = wait::outcome::closed;
    return true;
  }
  bool no_memory = false;
  if (!detail::send_now(c, a.slot, woken, &no_memory)) {
    if (no_memory) env::panic("no memory for the buffer of an unbounded channel, in a select");
    c.update_hint();
    return false;
  }
  a.how = wait::outcome::done;
  return true;
}

void enqueue_send(alternative& a) noexcept {
  auto& c = *static_cast<chan_core*>(a.source);
  c.senders.push_back(a);
  c.update_hint();
}

void withdraw_send(alternative& a) noexcept {
  auto& c = *static_cast<chan_core*>(a.source);
  c.senders.erase(a);
  c.update_hint();
}

bool commit_recv(alternative& a, wait::claimable** woken) noexcept {
  auto& c = *static_cast<chan_core*>(a.source);
  if (detail::recv_now(c, a.slot, woken)) {
    a.how = wait::outcome::done;
    return true;
  }
  a.how = wait::outcome::closed;
  c.update_hint();
  return c.closed;
}

void enqueue_recv(alternative& a) noexcept {
  auto& c = *static_cast<chan_core*>(a.source);
  c.receivers.push_back(a);
  c.update_hint();
}

void withdraw_recv(alternative& a) noexcept {
  auto& c = *static_cast<chan_core*>(a.source);
  c.receivers.erase(a);
  c.update_hint();
}

constexpr select::source_ops send_ops{commit_send, enqueue_send, withdraw_send};
constexpr select::source_ops recv_ops{commit_recv, enqueue_recv, withdraw_recv};

} // namespace
} // namespace chan

namespace detail {

void chosen_closed(const select_case& c) {
  if (c.when_closed == select_case::at_close::send_fails) throw_channel_closed();
  chan_rethrow_reason(static_cast<const chan_core*>(c.object));
}

std::exception_ptr why_closed(const select_case& c) noexcept {
  if (c.when_closed == select_case::at_close::send_fails) return std::make_exception_ptr(channel_closed());
  return static_cast<const chan_core*>(c.object)->reason;
}

void prepare_recv(select_case& c) noexcept {
  auto* core = static_cast<chan_core*>(c.object);
  select::prepare(c, chan::recv_ops, core, core->guard);
}

void prepare_send(select_case& c) noexcept {
  auto* core = static_cast<chan_core*>(c.object);
  select::prepare(c, chan::send_ops, core, core->guard);
}

} // namespace detail
} // namespace thrum
