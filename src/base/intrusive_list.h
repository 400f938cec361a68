// intrusive_list: a doubly linked list of nodes that live in their owner's frame. Push at the back, pop at the front,
// erase anywhere, all O(1); never allocates. Guarded by whatever guards the object that holds the list.
#pragma once

#include "base/atomic.h"
#include "base/check.h"

namespace thrum::base {

// T derives from list_node<T>. A node is on at most one list.
template <class T> struct list_node {
  guarded<T*> next = nullptr;
  guarded<T*> prev = nullptr;
  guarded<bool> linked = false; // kept beside the pointers because the ends of the list are null
};

template <class T> class intrusive_list {
public:
  bool empty() const noexcept { return head_ == nullptr; }
  T* front() const noexcept { return head_; }

  void push_back(T& node) noexcept {
    THRUM_DCHECK(!node.linked);
    node.next = nullptr;
    node.prev = tail_;
    node.linked = true;
    (tail_ ? tail_->next : head_) = &node;
    tail_ = &node;
  }

  void push_front(T& node) noexcept {
    THRUM_DCHECK(!node.linked);
    node.prev = nullptr;
    node.next = head_;
    node.linked = true;
    (head_ ? head_->prev : tail_) = &node;
    head_ = &node;
  }

  T* pop_front() noexcept {
    T* node = head_;
    if (node) erase(*node);
    return node;
  }

  void erase(T& node) noexcept {
    THRUM_DCHECK(node.linked);
    (node.prev ? node.prev->next : head_) = node.next;
    (node.next ? node.next->prev : tail_) = node.prev;
    node.linked = false;
  }

private:
  guarded<T*> head_ = nullptr;
  guarded<T*> tail_ = nullptr;
};

} // namespace thrum::base
