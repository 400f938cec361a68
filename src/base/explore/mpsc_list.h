// For tests and the bench of the explorer: Vyukov's intrusive queue of many producers and one consumer. Its
// relaxed exchange bug (the list is cut because a node's own `next = null` lands behind the link in
// modification order) can only be seen by a checker that places stores in modification order.
//
// Orderings
//   V1  push: payload and next = null, head exchange(release)
//       push of the next producer: head exchange(acquire), link => the link comes after the node's own null
//   V2  push: payload, link store(release)
//       pop: next load(acquire), payload                        => who follows a link sees the node behind it
#pragma once

#include "base/atomic.h"

namespace thrum::base::explore {

struct mpsc_node {
  atomic<mpsc_node*> next{nullptr};
};

class mpsc_list {
public:
  void push(mpsc_node& node) {
    node.next.store(nullptr, std::memory_order_relaxed); // relaxed: V1 orders it before the link
    mpsc_node* before = head_.exchange(&node, std::memory_order_acq_rel); // V1
    before->next.store(&node, std::memory_order_release);                 // V2
  }

  // The oldest node, or null when there is none or its link is still being made.
  mpsc_node* pop() {
    mpsc_node* tail = tail_;
    mpsc_node* next = tail->next.load(std::memory_order_acquire); // V2
    if (tail == &stub_) {
      if (next == nullptr) return nullptr;
      tail_ = next;
      tail = next;
      next = next->next.load(std::memory_order_acquire); // V2
    }
    if (next == nullptr) {
      // Relaxed: a head that is not the tail only says that a link is on its way.
      if (tail != head_.load(std::memory_order_relaxed)) return nullptr;
      push(stub_);
      // Relaxed: it is the stub, or a node whose exchange came before the stub's, which acquired it (V1).
      next = tail->next.load(std::memory_order_relaxed);
      if (next == nullptr) return nullptr;
    }
    tail_ = next;
    return tail;
  }

private:
  mpsc_node stub_;
  atomic<mpsc_node*> head_{&stub_};
  mpsc_node* tail_ = &stub_; // the consumer's
};

} // namespace thrum::base::explore
