// timer_lists: the timers of an event_loop, ordered as Node orders them.
//
// Node's order is not by time alone. Timers of one duration are one list, first in, first out; the lists are in a queue by the time when
// their first timer is due, and by age. When a list is due, all its timers that are due run before the next list's, even if
// that has one which was due before. So there are two containers here: a map of the lists by duration, and a set that is the
// queue. The loop (core.cc) takes the timers out one by one, because each callback may change everything.
//
// A list that has become empty is gone; if the callback of its last timer sets another of that duration, that begins a new list, with
// a new age. Node keeps the list, and gives it a new age when it finds that its first timer is not due: which is the same.
//
// All of it belongs to the loop: whoever is on its strand, or its owner while it does not run.
#pragma once

#include "base/intrusive_list.h"

#include <thrum/detail/deadline.h>
#include <thrum/event_loop.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <source_location>
#include <utility>

namespace thrum::detail {
struct binding;
} // namespace thrum::detail

namespace thrum::loop {

using detail::deadline_t;

// Through which handles find their loop, or that it is gone.
struct life {
  core* of;
};

// A callback that has a handle. Freed by the last of handle and loop.
struct callback_node {
  callback_node(std::shared_ptr<life> l, std::move_only_function<void()> g, std::source_location s) noexcept;
  ~callback_node();
  callback_node(const callback_node&) = delete;
  callback_node& operator=(const callback_node&) = delete;

  const std::shared_ptr<life> belongs_to;
  std::move_only_function<void()> f;
  const std::source_location site;
  detail::binding* const bound; // what was bound where it was given; a reference
  bool has_ref = true;
};

struct timer_node final : callback_node, base::list_node<timer_node> {
  using callback_node::callback_node;

  deadline_t duration = 0;
  deadline_t start = 0;
  bool repeats = false;
  bool is_cleared = false;
  bool is_called = false;           // at present, so its function is not to be destroyed
  std::shared_ptr<timer_node> self; // while it is in a list
};

struct immediate_node final : callback_node {
  using callback_node::callback_node;

  bool waits = true; // to be called
};

class timer_lists {
public:
  bool empty() const noexcept { return queue_.empty(); }
  deadline_t next() const noexcept { return queue_.empty() ? detail::no_deadline : queue_.begin()->expiry; }
  std::size_t refs() const noexcept { return refs_; } // how many of them run() waits for

  // The duration of the list that is due first. Requires: not empty.
  deadline_t first_list() const noexcept { return queue_.begin()->duration; }
  // The first timer of a list; null: there is no such list.
  timer_node* front(deadline_t duration) noexcept {
    const auto at = lists_.find(duration);
    return at == lists_.end() ? nullptr : at->second.timers.front();
  }

  void add(std::shared_ptr<timer_node> n, deadline_t now) {
    const auto [at, is_new] = lists_.try_emplace(n->duration);
    list& l = at->second;
    if (is_new) try {
        enqueue(l, n->duration, sum(now, n->duration));
      } catch (...) {
        lists_.erase(at);
        throw;
      }
    n->start = now;
    refs_ += n->has_ref;
    timer_node& node = *n;
    node.self = std::move(n);
    l.timers.push_back(node);
  }
  // Requires: it is in a list.
  std::shared_ptr<timer_node> remove(timer_node& n) noexcept {
    const auto at = lists_.find(n.duration);
    at->second.timers.erase(n);
    if (at->second.timers.empty()) {
      queue_.erase(at->second.place);
      lists_.erase(at);
    }
    refs_ -= n.has_ref;
    return std::move(n.self);
  }
  // The first timer of the list is not due yet. The list is the youngest of those that are due at its time.
  void postpone(deadline_t duration, deadline_t now) {
    list& l = lists_.find(duration)->second;
    auto node = queue_.extract(l.place);
    node.value().expiry = std::max(sum(l.timers.front()->start, duration), now + 1);
    node.value().age = ++ages_;
    l.place = queue_.insert(std::move(node)).position;
  }
  void set_ref(timer_node& n, bool has_ref) noexcept {
    if (n.linked && n.has_ref != has_ref) has_ref ? ++refs_ : --refs_;
    n.has_ref = has_ref;
  }

private:
  struct entry {
    deadline_t expiry;
    std::uint64_t age;
    deadline_t duration;
    bool operator<(const entry& other) const noexcept {
      return expiry != other.expiry ? expiry < other.expiry : age < other.age;
    }
  };
  struct list {
    base::intrusive_list<timer_node> timers;
    std::set<entry>::iterator place;
  };

  static deadline_t sum(deadline_t start, deadline_t duration) noexcept {
    return duration > detail::no_deadline - start ? detail::no_deadline : start + duration;
  }
  void enqueue(list& l, deadline_t duration, deadline_t expiry) {
    l.place = queue_.insert({expiry, ++ages_, duration}).first;
  }

  std::map<deadline_t, list> lists_;
  std::set<entry> queue_;
  std::uint64_t ages_ = 0;
  std::size_t refs_ = 0;
};

} // namespace thrum::loop
