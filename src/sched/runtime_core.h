// runtime_core: what thrum::runtime owns: processors, workers, the global queue, the poller, and who is idle.
#pragma once

#include "base/cache_line.h"
#include "base/spin_lock.h"
#include "env/env.h"
#include "sched/coroutine.h"
#include "sched/debug.h"
#include "sched/global_queue.h"
#include "sched/holdups.h"
#include "sched/processor.h"
#include "sched/worker.h"
#include "stack/stack_pool.h"

#include <thrum/runtime.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>

namespace thrum::sched {

class one_by_one;
class simulation;

struct runtime_core {
  runtime_core(const options& o, env::world& w, simulation* s = nullptr);
  ~runtime_core();
  runtime_core(const runtime_core&) = delete;
  runtime_core& operator=(const runtime_core&) = delete;

  env::world& world;
  simulation* const simulated; // who decides what runs next (simulation.h); null: the scheduler itself
  const char* const name;
  runtime* owner = nullptr;     // the public handle
  runtime_core* next = nullptr; // of all runtimes; guarded by the registry's lock
  std::function<void(std::exception_ptr)> on_unhandled;
  env::nanoseconds drain_limit;

  // ---- processors (resize.cc). Those that were made are there until the end; some of them may rest.
  static constexpr unsigned most_processors = 1024;
  processor** processors = nullptr; // room for all that there can be; count_made() of them are there
  base::atomic<unsigned> made{0};   // R2 (resize.cc); written under idle_lock
  unsigned count_made() const noexcept {
    return made.load(std::memory_order_acquire); // R2 (resize.cc)
  }
  const debug_modes debug;
  one_by_one* asking = nullptr; // null: nobody wants to know; constant after construction
  stack::stack_pool stacks;

  global_queue global;

  // ---- who is idle (idle.cc explains the protocol), and how many there are to be (resize.cc)
  alignas(base::destructive_interference) base::atomic<std::uint32_t> idle_count{0}; // idle processors
  base::atomic<std::uint32_t> searching{0}; // workers looking for work
  base::atomic<std::uint32_t> wanted{1};    // processors that there are to be; written under idle_lock
  base::atomic<std::uint32_t> active{0};    // that do not rest; written under idle_lock
  // A hint, but under idle_lock.
  bool has_too_many() const noexcept {
    return active.load(std::memory_order_relaxed) > wanted.load(std::memory_order_relaxed); // relaxed: a hint
  }
  // How many fibers are to run at a time. For all that is about how many, not about which.
  unsigned parallelism() const noexcept {
    return wanted.load(std::memory_order_relaxed); // relaxed: a number
  }
  base::spin_lock idle_lock; // guards the next six
  processor* idle_processors = nullptr;
  processor* resting_processors = nullptr; // resize.cc
  worker* idle_workers = nullptr;          // asleep on their token
  worker* workers = nullptr;               // all, for joining
  base::atomic<unsigned> worker_count{0};  // threads; written under idle_lock
  base::atomic<unsigned> most_workers{0};  // ever at a time; written under idle_lock
  base::atomic<unsigned> pinned_count{0};  // of them, those reserved for a fiber (special.cc)

  // ---- the poller
  env::poller* poller = nullptr;
  base::atomic<std::uint32_t> polling{0};          // a worker is in poll(), or about to be
  base::atomic<std::uint32_t> polls{0};            // so often the poller was asked, or nearly
  base::atomic<env::nanoseconds> polling_until{0}; // when it will wake by itself
  base::atomic<std::uint32_t> kicked{0};           // a kick is on its way; saves further ones
  base::atomic<std::uint32_t> watched{0};          // descriptors registered; 0: busy processors need not look

  // ---- the end (drain.cc)
  base::atomic<bool> draining{false};
  base::atomic<bool> stopping{false};
  base::atomic<std::uint32_t> all_ended{0};          // a word to sleep on
  base::atomic<std::uint64_t> spawned_elsewhere{0};  // by plain threads and detached workers
  base::atomic<std::uint64_t> finished_elsewhere{0}; // on detached workers
  base::atomic<std::uint32_t> visitors{
      0}; // threads of others that have made a fiber ready and still wake a worker

  coroutine_register coroutines;

  env::nanoseconds spin_limit = 0; // of a runtime with several processors; constant after construction

  // ---- the monitor (monitor.cc)
  const unsigned max_threads; // as they were asked for
  unsigned thread_limit() const noexcept { return std::max(max_threads, parallelism()); }
  const bool find_deadlocks;
  const bool report_leaks;
  base::atomic<std::uintptr_t> monitor_thread{0}; // 0: none; a census counts it
  base::atomic<int> monitor_number{0};            // the kernel's
  base::atomic<std::uint32_t> monitor_asleep{
      0}; // a word to sleep on: nobody is busy, so there is nothing to watch
  base::atomic<bool> monitor_end{false};
  base::atomic<std::uint64_t> taken_from_hogs{0};    // processors taken from fibers that computed
  base::atomic<std::uint64_t> taken_from_blocked{0}; // and from fibers that waited in the kernel
  holdup_table holdups;
};

// All runtimes that there are, for reports.
namespace registry {
extern base::spin_lock lock;
extern runtime_core* first; // guarded by lock
} // namespace registry

// Calls visit(core) for every runtime. Requires: registry::lock.
template <class Visit> void for_each_registered(Visit visit) {
  for (runtime_core* c = registry::first; c != nullptr; c = c->next) visit(*c);
}

// The same; none comes or goes meanwhile.
template <class Visit> void for_each_runtime(Visit visit) {
  const base::spin_guard guard(registry::lock);
  for_each_registered(visit);
}

// Takes a runtime off the list that is to be left as it is, for ever.
void forget(const runtime_core& core) noexcept;

// A handle for a core that is made already.
std::unique_ptr<runtime> handle_for(std::unique_ptr<runtime_core> core);
// The core behind a handle.
runtime_core& core_of(runtime& r) noexcept;
// The runtime of plain threads that name none. Made at first use, never destroyed.
runtime_core& default_runtime() noexcept;
// Of the running fiber, or else the default.
inline runtime_core& current_runtime() noexcept {
  worker* w = try_this_worker();
  return w != nullptr ? w->runtime : default_runtime();
}

} // namespace thrum::sched
