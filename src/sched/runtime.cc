// Making and ending a runtime.
//
// Orderings
//   R1  stopping: release store at the end of a drain -> acquire loads in the workers' loops.
#include "sched/describe.h"
#include "sched/drain.h"
#include "sched/handoff.h"
#include "sched/inspector.h"
#include "sched/one_by_one.h"
#include "sched/scheduler.h"
#include "sched/simulation.h"

#include "env/environment.h"
#include "env/panic.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <system_error>
#include <thrum/runtime.h>

namespace thrum {

namespace sched {

namespace registry {
constinit base::spin_lock lock;
constinit runtime_core* first = nullptr;
} // namespace registry

namespace {

void enlist(runtime_core& core) noexcept {
  const base::spin_guard guard(registry::lock);
  core.next = registry::first;
  registry::first = &core;
}

void strike(const runtime_core& core) noexcept {
  const base::spin_guard guard(registry::lock);
  runtime_core** link = &registry::first;
  while (*link != &core) link = &(*link)->next;
  *link = core.next;
}

[[noreturn]] void refuse(int error, const char* what) {
  throw std::system_error(error, std::system_category(), what);
}

unsigned wanted_processors(const options& o, env::world& world) noexcept {
  const unsigned n = o.processors != 0 ? o.processors : world.cpus().processors;
  return std::clamp(n, 1u, runtime_core::most_processors);
}

// milliseconds::max() is more than nanoseconds can count.
env::nanoseconds wanted_drain(const options& o) noexcept {
  constexpr auto longest =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(env::forever));
  return o.drain > longest ? env::forever : std::chrono::nanoseconds(o.drain).count();
}

} // namespace

runtime_core::runtime_core(const options& o, env::world& w, simulation* s)
    : world(w),
      simulated(s),
      name(o.name),
      on_unhandled(o.on_unhandled),
      drain_limit(wanted_drain(o)),
      debug(s == nullptr ? wanted_debug_modes() : debug_modes{}),
      stacks(w),
      max_threads(o.max_threads),
      find_deadlocks(o.find_deadlocks),
      report_leaks(o.report_leaks || env::is_set("THRUM_LEAKS", "report")) {
  install_reports();
  record::begin_if_wanted();
  begin_console_if_wanted();
  std::unique_ptr<one_by_one> looks_on(debug.one_by_one ? new one_by_one(w) : nullptr);
  if (const int error = world.open_poller(&poller); error != 0)
    refuse(-error,
           "thrum::runtime: cannot open a poller (epoll); raise the limit of open files (ulimit -n)?");
  processors = static_cast<processor**>(std::calloc(most_processors, sizeof(processor*)));
  if (processors == nullptr) throw std::bad_alloc();
  const unsigned first_count = wanted_processors(o, w);
  for (unsigned i = 0; i < first_count; ++i) processors[i] = make_processor(*this, i).release();
  // The lowest index is taken first.
  for (unsigned i = first_count; i-- > 0;) {
    processors[i]->idle_link = idle_processors;
    idle_processors = processors[i];
  }
  made.store(first_count, std::memory_order_relaxed);       // relaxed: nobody else knows the runtime yet
  wanted.store(first_count, std::memory_order_relaxed);     // relaxed: as above
  active.store(first_count, std::memory_order_relaxed);     // relaxed: as above
  idle_count.store(first_count, std::memory_order_relaxed); // relaxed: as above
  // Looking for work costs CPU time that fibers could use; with two CPUs a spinner takes it from them.
  const unsigned cpus = world.cpus().cpus;
  spin_limit = cpus <= 2 ? 3'000 : 20'000;
  asking = looks_on.release();
  if (simulated != nullptr) simulated->prepare(*this);
  enlist(*this);
}

runtime_core::~runtime_core() {
  strike(*this);
  for (unsigned i = 0; i < count_made(); ++i) {
    processor& p = *processors[i];
    give_caches_back(*this, p);
    delete &p;
  }
  std::free(processors);
  if (poller != nullptr) world.close_poller(poller);
  delete asking;
}

runtime_core& default_runtime() noexcept {
  // Immortal: usable before main and after it. If it cannot be made, there is nothing to fall back on.
  static runtime* const immortal = [] {
    try {
      static const options standard{.name = "thrum-default"};
      return new runtime(standard);
    } catch (const std::exception& e) { env::panic("cannot make the default runtime", e.what()); }
  }();
  return core_of(*immortal);
}

void forget(const runtime_core& core) noexcept { strike(core); }

std::unique_ptr<runtime> handle_for(std::unique_ptr<runtime_core> core) {
  return std::unique_ptr<runtime>(new runtime(std::move(core)));
}

runtime_core& core_of(runtime& r) noexcept { return *r.core_; }

} // namespace sched

runtime::runtime(const options& o) : core_(std::make_unique<sched::runtime_core>(o, env::linux_world())) {
  core_->owner = this;
}

runtime::runtime(std::unique_ptr<sched::runtime_core> core) : core_(std::move(core)) { core_->owner = this; }

runtime::~runtime() {
  if (core_->report_leaks) sched::report_leaks(*core_);
  if (!sched::drain(*core_)) static_cast<void>(core_.release()); // fibers that will not stop still use it
}

unsigned runtime::processors() const noexcept { return core_->parallelism(); }

unsigned runtime::set_processors(unsigned n) {
  if (n > sched::runtime_core::most_processors)
    env::panic("a runtime is to have more processors than it can: runtime::set_processors()",
               "at most 1,024; 0 stands for as many as this process may use CPUs");
  if (core_->simulated != nullptr)
    env::panic("the number of processors of a simulation is to change: runtime::set_processors()",
               "a simulation has one, so that what runs next is its own choice (thrum/simulate.h)");
  return sched::set_processors(*core_, n != 0 ? n : core_->world.cpus().processors);
}

runtime& runtime::current() { return *sched::current_runtime().owner; }

executor& executor::current() noexcept {
  const wait::agent* here = wait::this_thread().current;
  if (here != nullptr && here->own.home != nullptr) return *here->own.home;
  if (const sched::worker* w = sched::try_this_worker()) return *w->runtime.owner;
  return runtime::current();
}

namespace detail {

bool inside_fiber() noexcept { return sched::this_fiber() != nullptr; }

void refuse_inside_fiber_slow() noexcept {
  env::panic(
      "run() was called inside a fiber",
      "run() blocks its thread; inside a fiber use spawn(f).join() or a task on another runtime with go()");
}

} // namespace detail
} // namespace thrum
