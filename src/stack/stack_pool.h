// stack_pool: the stacks of a runtime. Reserved in slabs, guarded, committed by the first touch of each page, kept warm
// for reuse, and given back to the system when they have been idle for a while.
//
// Layout of one stack ("slot"), from low to high addresses:
//
//     base                                            top = base + slot_bytes
//     | guard: never readable |  grows down  <----  |
//
// - Default slots are 128 KiB with a 36 KiB guard. Distribution libraries are built without stack probes and contain
//   frames of up to 33,312 bytes (vfwprintf, Debian 12), so a smaller guard could be jumped over. 128 KiB keeps the
//   price of an idle stack at one page plus 257 bytes of page tables; 256 KiB would double the latter.
// - A slab is one mapping without swap reservation or huge pages, so a million stacks are a handful of mappings.
// - Guards are page-table markers (MADV_GUARD_INSTALL, Linux 6.13), which cost no mapping of their own. Older kernels get
//   mprotect until the budget of vm.max_map_count is used, then unguarded stacks; guard_of() says which.
//
// The pool is shared by the processors of one runtime; each keeps a small cache of its own in front of it. Freed slots
// are reused last in, first out, so that warm ones stay warm and cold slabs drain and can be unmapped.
#pragma once

#include "base/atomic.h"
#include "base/spin_lock.h"
#include "env/env.h"

#include <cstddef>
#include <cstdint>

namespace thrum::stack {

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t min_slot_bytes = 64 << 10;
inline constexpr std::size_t default_slot_bytes = 128 << 10;
inline constexpr std::size_t max_slot_bytes = std::size_t{1} << 30;
inline constexpr std::size_t max_usable_bytes = max_slot_bytes - (64 << 10);
// Freed memory goes back to the system after it lay idle this long. Long enough that a program which alternates between
// spikes and lulls of a second does not pay page faults for each spike; short enough that an operator sees memory return.
inline constexpr env::nanoseconds idle_before_trim = 500'000'000;
// How long stacks may be back before trim() notices that they are idle. To notice it looks through all slabs: thousands, all
// cold, while a crowd of fibers ends and workers sleep for some microseconds again and again (a million sleepers: 5 % of
// the whole cost, November 2026).
inline constexpr env::nanoseconds trim_interval = 20'000'000;

// What all stacks of a slab have in common. Here, because each switch to a new fiber asks for it.
struct slab_layout {
  char* memory;
  std::uint8_t size_class;
  std::uint8_t shift; // slot_bytes == 1 << shift
  env::guard_kind guard;
  std::uint32_t guard_bytes;
};
struct slab;

// One stack, by value. Null when default-constructed.
struct stack_ref {
  slab_layout* owner = nullptr; // its slab
  std::uint32_t index = 0;

  explicit operator bool() const noexcept { return owner != nullptr; }
  char* base() const noexcept { return owner->memory + (std::size_t{index} << owner->shift); }
  char* top() const noexcept { return base() + (std::size_t{1} << owner->shift); }
  unsigned size_class() const noexcept { return owner->size_class; }
  std::size_t guard_bytes() const noexcept { return owner->guard_bytes; }
  env::guard_kind guard() const noexcept { return owner->guard; }
};

class stack_pool {
public:
  explicit stack_pool(env::world& world) noexcept : world_(world) {}
  ~stack_pool(); // unmaps everything; no stack may be in use
  stack_pool(const stack_pool&) = delete;
  stack_pool& operator=(const stack_pool&) = delete;

  // The smallest class that holds `bytes` of usable stack.
  static unsigned class_for(std::size_t bytes) noexcept;
  static constexpr unsigned default_class = 1;

  // A stack of the class, or null when the system refuses memory. Its contents are unspecified.
  stack_ref take(unsigned size_class) noexcept {
    stack_ref one;
    take(size_class, &one, 1, 1);
    return one;
  }
  // Up to `wanted` stacks (at most 64); new ones lie side by side, in ascending order. At most `cold` of them held no memory;
  // if several did not, the top page of each gets it now, in one step: a page fault for each costs half as much again.
  // Fewer, if one slab has no more, or none when the system refuses memory. Returns how many.
  unsigned take(unsigned size_class, stack_ref* out, unsigned wanted, unsigned cold) noexcept;
  // Takes a stack back. Nobody may run on it any more.
  void give(stack_ref stack) noexcept;
  void give(const stack_ref* stacks, std::size_t count) noexcept;

  // Returns some idle memory to the system, a bounded piece of work a call. Returns when to call it next: `now` if more
  // is due already, env::forever if nothing lies idle.
  env::nanoseconds trim(env::nanoseconds now) noexcept;

  // True: stacks were given back since trim() last looked. Whoever goes to sleep wakes who trims.
  bool needs_trim() const noexcept {
    return given_.load(std::memory_order_relaxed); // relaxed: a thread sees what it gave itself
  }

  std::size_t in_use() const noexcept {
    const base::spin_guard guard(lock_);
    return in_use_;
  }
  std::size_t mapped_bytes() const noexcept {
    const base::spin_guard guard(lock_);
    return mapped_bytes_;
  }

  // Calls visit(stack) for each slot that is out of the pool. For dumps; the pool is locked meanwhile.
  template <class Visitor> void for_each_in_use(Visitor visit) noexcept {
    const base::spin_guard guard(lock_);
    for (slab* s = all_; s != nullptr; s = next_of(s))
      for (std::uint32_t i = 0; i < slots_of(s); ++i)
        if (is_out(s, i)) visit(stack_at(s, i));
  }

  // For who looks through the stacks slab by slab, without the pool's lock: the next slab behind `now` (null: the first) in which
  // stacks are out, or null: there is none. It is not unmapped until it was handed in as `now`.
  slab* hold_next(slab* now) noexcept;
  void let_go(slab* held) noexcept;
  // Those of its stacks that are out of the pool now, from this index on, in ascending order; returns how many. Requires: it is held.
  unsigned list_in_use(slab* held, std::uint32_t from, stack_ref* out, unsigned most) const noexcept;

private:
  static constexpr unsigned classes = 15; // 64 KiB, 128 KiB, ... 1 GiB

  slab* make_slab(unsigned size_class) noexcept;
  void detach(slab* s) noexcept;
  void unmap(slab* s) noexcept;
  void link_available(slab* s) noexcept;
  void unlink_available(slab* s) noexcept;
  void give_locked(stack_ref stack) noexcept;
  unsigned discard_warm(slab* s, unsigned limit) noexcept; // returns how many
  static slab* next_of(const slab* s) noexcept;
  static std::uint32_t slots_of(const slab* s) noexcept;
  static bool is_out(const slab* s, std::uint32_t index) noexcept;
  static stack_ref stack_at(slab* s, std::uint32_t index) noexcept;

  env::world& world_;
  mutable base::spin_lock lock_;  // guards everything below and the slabs, except slabs that are detached
  slab* available_[classes] = {}; // slabs with a free slot; most recently used first
  slab* all_ = nullptr;           // the newest first
  std::size_t in_use_ = 0;
  base::atomic<bool> given_{false}; // written under lock_
  bool unseen_ = false;             // stacks were given back that no look of trim() has noticed
  env::nanoseconds looked_ = -trim_interval;
  env::nanoseconds next_look_ = env::forever; // the earliest time at which something is due that was noticed
  std::size_t mapped_bytes_ = 0;
};

} // namespace thrum::stack
