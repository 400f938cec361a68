// The life of a worker thread.
#include "sched/worker.h"

#include "env/fault_signal.h"
#include "env/panic.h"
#include "sched/handoff.h"
#include "sched/monitor.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"
#include "sched/switch.h"

#include <cerrno>
#include <cxxabi.h>
#include <new>
#include <string>

namespace thrum::sched {

namespace {

// Through laundered pointers: both functions are declared `const`, and a compiler would take one thread's answer for
// another's.
exception_state* exceptions_of_this_thread() noexcept {
  auto* get = &abi::__cxa_get_globals;
  asm volatile("" : "+r"(get)::"memory");
  return reinterpret_cast<exception_state*>(get());
}

int* errno_of_this_thread() noexcept {
  auto* get = &__errno_location;
  asm volatile("" : "+r"(get)::"memory");
  return get();
}

void scheduler_loop(worker& w) noexcept {
  while (detail::runnable* r = find_work(w)) {
    stop_searching(w);
    run(w, *r);
  }
}

void worker_main(void* raw) noexcept {
  auto& w = *static_cast<worker*>(raw);
  wait::bind_thread(&w);
  w.exceptions = exceptions_of_this_thread();
  w.error_number = errno_of_this_thread();
  w.thread_number = w.runtime.world.this_thread();
  hold(w, *w.proc);
  env::thread_stack native;
  env::prepare_thread(native);
  w.native_stack_bottom = native.bottom;
  w.native_stack_size = native.size;
#if THRUM_TSAN
  w.tsan_native = __tsan_get_current_fiber();
#endif
  scheduler_loop(w);
  env::release_thread(native);
  wait::bind_thread(nullptr);
}

} // namespace

namespace {

worker* make_worker(runtime_core& core) noexcept {
  auto* w = new (std::nothrow) worker(core);
  if (w == nullptr) return nullptr;
  w->limbo = new (std::nothrow) processor(processor::limbo_index, core.world.now());
  if (w->limbo == nullptr) {
    delete w;
    return nullptr;
  }
  w->limbo->random_state = reinterpret_cast<std::uintptr_t>(w) | 1;
  return w;
}

// Returns its number, or -EAGAIN: there are as many threads as are allowed.
int enroll(runtime_core& core, worker& w) noexcept {
  const base::spin_guard guard(core.idle_lock);
  const unsigned number = core.worker_count.load(std::memory_order_relaxed); // relaxed: guarded
  if (number >= core.thread_limit()) return -EAGAIN;
  core.worker_count.store(number + 1, std::memory_order_relaxed);     // relaxed: guarded
  if (number + 1 > core.most_workers.load(std::memory_order_relaxed)) // relaxed: guarded
    core.most_workers.store(number + 1, std::memory_order_relaxed);   // relaxed: guarded
  w.all_link = core.workers;
  core.workers = &w;
  w.recorded.store(may_be_recorded() || core.asking != nullptr || core.simulated != nullptr,
                   std::memory_order_relaxed); // relaxed: guarded; see recorder.cc
  return static_cast<int>(number);
}

void strike(runtime_core& core, const worker& w) noexcept {
  const base::spin_guard guard(core.idle_lock);
  worker** link = &core.workers;
  while (*link != &w) link = &(*link)->all_link;
  *link = w.all_link;
  const unsigned left = core.worker_count.load(std::memory_order_relaxed) - 1; // relaxed: guarded
  core.worker_count.store(left, std::memory_order_relaxed);                    // relaxed: guarded
}

} // namespace

int start_worker(runtime_core& core, processor& p, bool searching) noexcept {
  worker* w = make_worker(core);
  if (w == nullptr) return -ENOMEM;
  w->proc = &p;
  w->searching = searching;
  if (core.simulated != nullptr) core.simulated->enlist(*w);
  const int number = enroll(core, *w);
  int error = number;
  if (number >= 0) {
    char name[16];
    env::thread_name(name, core.name, static_cast<unsigned>(number));
    if (number == 0 && core.simulated == nullptr) start_monitor(core);
    error = core.world.start_thread(&w->thread, name, env::world::small_stack, &worker_main, w);
    if (error == 0) {
      w->handle_is_known.store(true, std::memory_order_release); // T1 (worker.h); perhaps gone from here on
      return 0;
    }
    strike(core, *w);
  }
  delete_worker(w);
  if (number == 0)
    env::panic("the system gives a runtime not even one thread",
               "is the limit of processes reached? ulimit -u, or pids.max of the cgroup");
  return error;
}

} // namespace thrum::sched
