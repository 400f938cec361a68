// chan_core: a channel without its element type. All decisions are made here, once, on bytes; a small table says how to
// move and destroy an element (include/thrum/detail/chan_core.h).
//
// One guard, a buffer, and two queues of waiters in order of arrival. Values go straight from a sender's frame to a
// receiver's when one of them waits.
//
// Invariants, whenever the guard is free
//   C1  count <= capacity.
//   C2  a receiver that could be claimed waits only if count == 0 and no sender that could be claimed waits.
//   C3  a sender that could be claimed waits only if count == capacity. (So who arrives never overtakes who waits.)
//   C4  closed: no waiter that could be claimed; count may be > 0, receivers drain it.
//   C5  the hint's bits are those of ready_bits().
//   C6  the value of a waiting sender stays in its frame, untouched, until it is claimed.
//
// Happens-before: everything before a send -> the return of its receive; unbuffered: the receive -> the return of the send;
// the k-th receive -> the return of the (k + capacity)-th send; close -> a receive that reports closed. All by the guard and
// by ready() (sched/park.h).
//
// Orderings
//   F1  references: each drop releases, the last one acquires: who deletes the channel sees what all others did to it.
//
// Rejected: a lock-free ring for buffered channels (design.md's first plan, prototyped at 14 ns an item on one processor and
// 19 across two). With a biased guard the locked form costs less on one processor, and fibers that exchange many values
// gather on one; and select, close and FIFO hand-over need no second protocol. docs/design/0004-channels.md has the figures.
#pragma once

#include "chan/buffer.h"
#include "select/engine.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <cstddef>
#include <cstdint>
#include <exception>

#include <thrum/detail/chan_core.h>

namespace thrum::detail {

struct chan_core {
  chan_core(std::size_t capacity, const element_ops& e) : elements(e), buffer(capacity, e) {
    update_hint(); // room to send is ready from the start
  }

  select::hint readiness; // first: select.h takes the address of a core for that of its hint
  wait::lock guard;
  bool closed = false; // guarded
  base::atomic<std::uint32_t> references{1};
  const element_ops& elements;
  wait::waiter_list receivers; // guarded, as are the next two
  wait::waiter_list senders;
  chan::buffer buffer;
  // Written under the guard by the first close; constant for those who were told of that.
  std::exception_ptr reason;

  // C5
  std::uint32_t ready_bits() const noexcept {
    return (!buffer.empty() || !senders.empty() || closed ? chan_recv_ready : 0u) |
           (!buffer.full() || !receivers.empty() || closed ? chan_send_ready : 0u);
  }
  void update_hint() noexcept { readiness.update(ready_bits()); }
  bool check_invariants() noexcept; // takes the guard; for tests and stress runs
};

} // namespace thrum::detail
