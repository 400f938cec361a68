// Memory for tasks: slab objects of four sizes, kept in per-processor free lists with a shared level behind them. Larger
// tasks come from operator new.
//
// The private list is plain: only the worker that holds the processor touches it, inside the runtime. It consists of batches, and 16 of
// them travel to and from the shared level at once, so a program that spawns on one processor and ends tasks on another pays a lock for
// every 128 tasks. In front of both, each worker's thread keeps a batch or two, from which it takes and to which it puts back without a
// processor (launch.cc). A batch changes hands as a whole: nobody walks along it, through objects that may be cold. Slabs whose objects are all back in the shared level are returned to the system by trim().
//
// One pool serves all runtimes, because a task may be made in one and end in another. It is never destroyed.
#pragma once

#include "base/spin_lock.h"
#include "env/env.h"

#include <cstddef>
#include <cstdint>

namespace thrum::sched {

struct free_object {
  free_object* next;
};
inline constexpr unsigned batch_size = 8;
struct free_batch : free_object { // the first of so many
  free_batch* below;
};

inline constexpr unsigned task_classes =
    4; // 64, 128, 192 and 256 bytes: what is aligned to a cache line stays so
inline constexpr std::size_t largest_pooled_task = 256;
constexpr unsigned task_class(std::size_t bytes) noexcept { return static_cast<unsigned>((bytes - 1) / 64); }
constexpr std::size_t task_class_bytes(unsigned size_class) noexcept {
  return std::size_t{64} * (size_class + 1);
}

class task_pool {
public:
  explicit constexpr task_pool(env::world& world) noexcept : world_(world) {}
  task_pool(const task_pool&) = delete;
  task_pool& operator=(const task_pool&) = delete;

  // Moves up to `wanted` objects of the class to the front of *list; returns how many (0: out of memory).
  unsigned refill(unsigned size_class, free_object** list, unsigned wanted) noexcept;
  // Takes `count` objects from the front of *list.
  void spill(unsigned size_class, free_object** list, unsigned count) noexcept;

  // Gives some slabs without a live object back to the system, but the last of each class. True: call again.
  bool trim() noexcept;

private:
  struct slab;
  struct level {
    slab* first = nullptr; // slabs with a free object first
    unsigned empty_slabs = 0;
  };

  slab* make_slab(unsigned size_class) noexcept;
  void unlink(level& l, slab* s) noexcept;
  void push_front(level& l, slab* s) noexcept;
  void push_back(level& l, slab* s) noexcept;

  env::world& world_;
  base::spin_lock lock_; // guards everything below
  level levels_[task_classes];
};

// The pool of the process.
task_pool& shared_task_pool() noexcept;

} // namespace thrum::sched
