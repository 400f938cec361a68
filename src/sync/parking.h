// parking: where agents sleep by address, for those whose waiters have no room for a queue of their own (thrum::atomic).
//
// The problem: an atomic is as big as its value, so its queue must be found by its address; and there may be a million
// addresses with one waiter each, or one address with a million waiters. Nothing may be allocated: a wait must not fail.
//
// The way taken: a table of lots, each with a lock and a tree of addresses. An address is multiplied by an odd number, which mixes
// it and is reversible, so that different addresses have different keys. The first bits of the key choose the lot. In the lot
// the addresses form a digital search tree: on the way down each level looks at the next bit of the key and goes left or right. A
// node at depth d agrees with all below it in the first d bits of their keys, and that is all the order there is: so it may be
// replaced by any leaf below it, and there is no balancing. Keys are mixed, so the depth is about log2 of the number of
// addresses, and never more than the bits of a key.
//
// A node of the tree is a *place*: an address and the queue of those who wait for it. It lies in the frame of the first of the queue,
// and moves to the next when that one leaves.
//
// Invariants (whenever the guard is free)
//   K1  an address has a place in the tree iff somebody is queued for it; the place is in the first one's frame.
//   K2  sleepers_ is the number of those who are queued. It is written under the guard.
//
// That no notification is lost
//   K3  who waits raises sleepers_, fence, reads the value; all under the guard, which is released when he sleeps.
//       who notifies has written the value; fence, reads sleepers_. By the fences at least one of them sees what the other
//       wrote: either the value has changed and nobody sleeps, or the notifier sees a sleeper and takes the guard: then he
//       finds him queued, because the guard was held from before the number was raised until he slept.
//
// Rejected: always taking the guard to notify. It needs no fence and is as simple to argue, but all who notify in one lot, though nobody
// waits, would fight for its cache line; this way they share it. A table that grows: it allocates. Balanced trees: more code.
#pragma once

#include "sync/sleep_on.h"

#include <cstddef>
#include <cstdint>
#include <thrum/atomic.h>

namespace thrum::sync {

using parking_key = std::uint64_t;

struct place {
  base::guarded<parking_key> key = 0;
  base::guarded<place*> left = nullptr;
  base::guarded<place*> right = nullptr;
  wait::waiter_list queue;
};

// The places of a lot. All of it needs the guard; nothing allocates.
class places {
public:
  explicit constexpr places(unsigned first_bit) noexcept : first_bit_(first_bit) {}

  // Where the place of that key hangs, or would hang: what this points to is the place, or null.
  base::guarded<place*>* find(parking_key key) noexcept {
    base::guarded<place*>* link = &root_;
    for (unsigned bit = first_bit_; *link != nullptr && (*link)->key != key; --bit)
      link = (key >> bit & 1) != 0 ? &(*link)->right : &(*link)->left;
    return link;
  }

  // The place there leaves the tree. A leaf below it takes its position, if there is one.
  static void remove(base::guarded<place*>* link) noexcept {
    place* const gone = *link;
    base::guarded<place*>* end = link;
    while (base::guarded<place*>* below = any_below(**end)) end = below;
    place* const leaf = *end;
    *end = nullptr;
    if (leaf == gone) return;
    leaf->left = gone->left;
    leaf->right = gone->right;
    *link = leaf;
  }

  // The place there moves to `to`.
  static void move(base::guarded<place*>* link, place& to) noexcept {
    to = *static_cast<place*>(*link);
    *link = &to;
  }

  bool empty() const noexcept { return root_ == nullptr; }

private:
  static base::guarded<place*>* any_below(place& p) noexcept {
    if (p.left != nullptr) return &p.left;
    return p.right != nullptr ? &p.right : nullptr;
  }

  base::guarded<place*> root_ = nullptr;
  const unsigned first_bit_; // of a key that differs within the lot, from the top
};

class parking_lot {
public:
  constexpr parking_lot() noexcept : parking_lot(63) {}
  explicit constexpr parking_lot(unsigned first_bit) noexcept : places_(first_bit) {}

  // Waits until `what` differs. False: the deadline has passed, and it does not. Throws `cancelled`.
  bool wait(parking_key key, const detail::awaited& what, detail::deadline_t deadline);

  // Lets the first go who sleeps with that key, or all. Never parks.
  void wake(parking_key key, bool all) noexcept {
    base::thread_fence(std::memory_order_seq_cst); // K3
    if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wake_slow(key, all); // relaxed: K3
  }

private:
  struct sleeper : wait::waiter {
    place own;
  };

  waking sleep(wait::agent& self, parking_key key, const detail::awaited& what,
               detail::deadline_t deadline) noexcept;
  void settle(base::guarded<place*>* link) noexcept;
  void wake_slow(parking_key key, bool all) noexcept;
  void count(int more) noexcept;

  wait::lock guard_;
  base::atomic<std::uint32_t> sleepers_{0}; // K2
  places places_;                           // guarded
};

} // namespace thrum::sync
