// run_ring: the public run queue of a processor, a bounded ring. The owner pushes at the tail and pops at the
// head, so the queue is first in, first out; thieves take half of it at the head, into a ring of their own.
//
// Invariants
//   I1  tail_ is written only by the owner, and only forward. head_ moves only by a successful
//       compare-exchange, and only forward.
//   I2  0 <= tail_ - head_ <= Capacity. The positions are unsigned and wrap; Capacity is a power of two.
//   I3  for every position p in [head_, tail_), slot(p) holds the item that was pushed there and not yet
//       taken.
// Orderings
//   O1  push: slot store, tail_ store(release)
//       steal: tail_ load(acquire), slot load
//       => who sees the tail sees the slots before it (I3), and what the owner did to the items before it
//          pushed them.
//   O2  steal: slot loads, head_ compare-exchange(release)
//       push, and steal on the thief's own ring: head_ load(acquire), slot store
//       => no slot is used again while a thief may still read it for a take that will succeed.
//   O3  take: tail_ load (acquire, or the owner's own), head_ compare-exchange(release)
//       steal: head_ load(acquire), tail_ load
//       => who sees a head sees a tail that is not behind it: the length of a steal is never negative.
//       Without
//          it nothing would be lost, but a thief could go round for as long as the newer tail is on its way.
//   A steal loads head_ before tail_. The pair may be torn: between the loads the owner may have gone on.
//   When the length is above Capacity the head is too old; the tail was acquired, and with it the owner's
//   knowledge of the head when it pushed, so the next load of the head returns one that fits. Any other old
//   head makes the compare-exchange fail. (After exactly 2^32 takes between the load and the compare-exchange
//   an old head would fit again; that is not guarded against.)
//   Slots are atomic because a late thief may load one that is being used again: the value is dropped, for
//   its compare-exchange fails. The owner's pop needs no order for its slot: it wrote the slot itself.
// Progress   A push never loops: a full ring says so. A pop or steal goes round again only when another take
//            has succeeded, or when the owner has gone through the whole ring between two loads.
// Rejected   A growing deque: overflow goes to the shared queue anyway, and growth needs deferred
//            reclamation. An owner that pops what it pushed last (Chase-Lev): unfair, and its pop needs a
//            full fence. Thieves that take one item: a steal costs misses on the victim's lines, whatever it
//            takes.
// Checked    run_ring_explore.cc explores an owner and thieves on rings of 2 and 4 and weakens every order:
//            each is needed, but that the acquire halves of O2 are cannot be shown there (they forbid load
//            buffering).
#pragma once

#include "base/atomic.h"
#include "base/cache_line.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace thrum::queue {

// T{} means "nothing" and is never pushed.
template <class T, std::uint32_t Capacity> class run_ring {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) == sizeof(void*));
  static_assert(std::has_single_bit(Capacity) && Capacity <= std::uint32_t{1} << 30);

public:
  static constexpr std::uint32_t capacity = Capacity;

  run_ring() noexcept = default;
  run_ring(const run_ring&) = delete;
  run_ring& operator=(const run_ring&) = delete;

  // Owner only. False when the ring is full.
  [[nodiscard]] bool try_push(T item) noexcept { return push_batch({&item, 1}) == 1; }

  // Owner only. Pushes the first items, in order, as many as fit, and says how many. One store publishes them
  // all.
  [[nodiscard]] std::size_t push_batch(std::span<const T> items) noexcept;

  // Owner only. The oldest item, or T{} when there is none.
  [[nodiscard]] T pop() noexcept;

  // Called on the thief's own ring, by its owner; the victim is another ring. Takes half of the victim's
  // items (rounded up, and no more than fit here): the oldest is returned to be run at once, the others are
  // pushed here in order. T{} when the victim is empty.
  [[nodiscard]] T steal_half(run_ring& victim) noexcept;

  // Any thread: how many items there were a moment ago. After a seq_cst fence it counts every push that came
  // before a seq_cst fence earlier in the total order, unless it was taken since.
  [[nodiscard]] std::uint32_t size_hint() const noexcept;

  // Owner only: I2, as far as one thread can see it.
  [[nodiscard]] bool check_invariants() const noexcept;

private:
  using position = std::uint32_t;
  base::atomic<T>& slot(position p) noexcept { return slots_[p % Capacity]; }

  // Thieves and the owner write head_; only the owner writes tail_: apart, so that a push does not take the
  // line that thieves are looking at more often than it must.
  // head_: any thread (O2, O3). tail_: owner writes, any thread reads (O1, O3). slots_: owner writes, any
  // thread reads (O1, O2).
  alignas(base::destructive_interference) base::atomic<position> head_{0};
  alignas(base::destructive_interference) base::atomic<position> tail_{0};
  std::array<base::atomic<T>, Capacity> slots_{};
};

// -----------------------------------------------------------------------------------------------------------

template <class T, std::uint32_t Capacity>
std::size_t run_ring<T, Capacity>::push_batch(std::span<const T> items) noexcept {
  const position tail = tail_.load(std::memory_order_relaxed); // relaxed: the owner's own
  const position head = head_.load(std::memory_order_acquire); // O2
  const auto fitting = static_cast<position>(std::min<std::size_t>(items.size(), Capacity - (tail - head)));
  if (fitting == 0) return 0;
  for (position i = 0; i < fitting; ++i)
    slot(tail + i).store(items[i], std::memory_order_relaxed); // relaxed: O1
  tail_.store(tail + fitting, std::memory_order_release);      // O1
  return fitting;
}

template <class T, std::uint32_t Capacity> T run_ring<T, Capacity>::pop() noexcept {
  const position tail = tail_.load(std::memory_order_relaxed); // relaxed: the owner's own
  position head = head_.load(std::memory_order_relaxed); // relaxed: an old one only makes the exchange fail
  while (head != tail) {
    const T item = slot(head).load(std::memory_order_relaxed);                   // relaxed: the owner's own
    if (head_.compare_exchange_strong(head, head + 1, std::memory_order_release, // O3
                                      std::memory_order_relaxed))                // relaxed: as the first load
      return item;
  }
  return T{};
}

template <class T, std::uint32_t Capacity> T run_ring<T, Capacity>::steal_half(run_ring& victim) noexcept {
  const position own_tail = tail_.load(std::memory_order_relaxed); // relaxed: the owner's own
  const position room = Capacity - (own_tail - head_.load(std::memory_order_acquire)); // O2
  for (;;) {
    position head = victim.head_.load(std::memory_order_acquire);       // O3
    const position tail = victim.tail_.load(std::memory_order_acquire); // O1
    const position length = tail - head;
    if (length == 0) return T{};
    if (length > Capacity) continue; // a torn pair
    const position taken = std::min(length - length / 2, room + 1);

    // Copied before it is ours: once the head has moved, the victim may use the slots again. What lies beyond
    // our tail is nobody's until the tail moves.
    const T first = victim.slot(head).load(std::memory_order_relaxed); // relaxed: O1, O2
    for (position i = 1; i < taken; ++i) {
      const T item = victim.slot(head + i).load(std::memory_order_relaxed); // relaxed: O1, O2
      slot(own_tail + i - 1).store(item, std::memory_order_relaxed);        // relaxed: O1
    }
    if (!victim.head_.compare_exchange_strong(
            head, head + taken, std::memory_order_release, // O2, O3
            std::memory_order_relaxed))                    // relaxed: what it finds is not used
      continue;
    if (taken > 1) tail_.store(own_tail + taken - 1, std::memory_order_release); // O1
    return first;
  }
}

template <class T, std::uint32_t Capacity> std::uint32_t run_ring<T, Capacity>::size_hint() const noexcept {
  const position head = head_.load(std::memory_order_relaxed);          // relaxed: a hint
  const position length = tail_.load(std::memory_order_relaxed) - head; // relaxed: a hint
  if (length <= Capacity) return length;
  // A torn pair: the tail is behind the head, or the head far behind the tail.
  return length >> 31 != 0 ? 0 : Capacity;
}

template <class T, std::uint32_t Capacity> bool run_ring<T, Capacity>::check_invariants() const noexcept {
  const position tail = tail_.load(std::memory_order_relaxed); // relaxed: the owner's own
  const position head = head_.load(std::memory_order_relaxed); // relaxed: the owner knows one that fits
  return tail - head <= Capacity;
}

} // namespace thrum::queue
