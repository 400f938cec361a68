// Stands in for sched/processor.h in explorations. The private queues are not what is explored: a fiber that is put there goes
// on at once, on the model thread that is its own (explored.h). The shared ring is real, but small.
#pragma once

#include "base/intrusive_list.h"
#include "queue/run_ring.h"
#include "sched/fiber.h"
#include "sched/task_pool.h"
#include "stack/stack_pool.h"
#include "timer/wheel.h"
#include "wait/lock.h"

#include <cstddef>
#include <cstdint>

namespace thrum::sched {

struct worker;

inline constexpr std::int32_t look_interval = 61;
inline constexpr std::uint32_t next_budget = 61;

void go_on(fiber& f) noexcept; // explored.cc

// Any private queue: always empty, since what is put in runs.
template <class T> struct private_queue {
  bool empty() const noexcept { return true; }
  std::uint32_t size() const noexcept { return 0; }
  void shrink() noexcept {}
  bool push_back(T* item) noexcept { return put(item); }
  bool push_front(T* item) noexcept { return put(item); }
  T* pop_front() noexcept { return nullptr; }
  T* pop_back() noexcept { return nullptr; }
  T* peek(std::uint32_t) const noexcept { return nullptr; }

private:
  static bool put(fiber* f) noexcept { return go_on(*f), true; }
  static bool put(detail::task*) noexcept { return false; } // "no memory": the global queue
};

struct next_slot {
  operator fiber*() const noexcept { return nullptr; }
  fiber& operator*() const noexcept { __builtin_unreachable(); } // it is always empty
  next_slot& operator=(fiber* f) noexcept {
    if (f != nullptr) go_on(*f);
    return *this;
  }
};

// Deadlines in order, without the size of the real wheel.
class short_wheel {
public:
  void insert(timing::entry& e) noexcept { entries_.push_back(e); }
  void erase(timing::entry& e) noexcept { entries_.erase(e); }
  timing::nanoseconds earliest() const noexcept {
    timing::nanoseconds first = timing::never;
    for (timing::entry* e = entries_.front(); e != nullptr; e = e->next)
      if (e->deadline < first) first = e->deadline;
    return first;
  }
  template <class Fire, class Prepare>
  std::size_t advance(timing::nanoseconds now, std::size_t limit, Fire fire, Prepare) {
    std::size_t fired = 0;
    for (timing::entry *e = entries_.front(), *next; e != nullptr && fired < limit; e = next) {
      next = e->next;
      if (e->deadline > now) continue;
      entries_.erase(*e);
      fire(*e);
      ++fired;
    }
    return fired;
  }

private:
  base::intrusive_list<timing::entry> entries_;
};

struct processor {
  static constexpr unsigned limbo_index = ~0u;

  processor(unsigned i, env::nanoseconds) noexcept : index(i) {}

  const unsigned index;
  next_slot next;
  std::uint32_t next_left = next_budget;
  detail::runnable* due = nullptr;
  std::int32_t turns() const noexcept { return look_interval; }
  void set_turns(std::int32_t) noexcept {}
  std::uint64_t progress() const noexcept { return 0; }
  private_queue<fiber> ready;
  private_queue<detail::task> fresh;
  base::atomic<worker*> holder{nullptr};
  unsigned cached_stacks = 0;
  stack::stack_ref stacks[1];
  std::uint64_t built = 0;
  std::uint64_t random_state = 1;
  std::int32_t window = look_interval;
  env::nanoseconds window_start = 0;
  env::nanoseconds mean_run = 20'000;
  base::atomic<std::uint64_t> spawned{0};
  base::atomic<std::uint64_t> finished{0};
  queue::run_ring<detail::runnable*, 2> shared;
  wait::lock timer_guard;
  base::atomic<env::nanoseconds> earliest{timing::never};
  short_wheel timers;
  processor* idle_link = nullptr;

  std::uint64_t random() noexcept { return 0; }
};

} // namespace thrum::sched
