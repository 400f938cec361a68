// The parts of the scheduler that explorations of single protocols do without. What is explored is the real code.
#include "sched/explore/explored.h"

#include "base/explore/lifetime.h"

#include "sched/describe.h"
#include "sched/monitor.h"
#include "sched/park.h"
#include "sched/scheduler.h"
#include "sched/strand.h"

#include <thrum/runtime.h>
#include <thrum/this_fiber.h>

namespace thrum {

namespace {

const bool kept =
    (base::explore::the_engine.keep_for_each_thread(reinterpret_cast<void**>(&thrum_self_)), true);

const options& standard() {
  static const options o;
  return o;
}

constexpr unsigned most_processors = 2;

// Each world makes one, if any.
sched::runtime_core* newest = nullptr;
sched::explored_task_memory* newest_memory = nullptr;

} // namespace

namespace sched {

void go_on(fiber& f) noexcept {
  auto& sleeper = static_cast<explored_fiber&>(f);
  static_cast<void>(sleeper.stack.get()); // who makes it ready may run it
  sleeper.bed.unpark();
}

bool goes_on_itself(detail::runnable& r) noexcept {
  if (r.is_task()) {
    auto& t = static_cast<detail::task&>(r);
    if (t.name != explored_resumption::is_waited_for) return false;
    static_cast<explored_resumption&>(t).bed.unpark();
    return true;
  }
  if (r.what.load(std::memory_order_relaxed) != detail::runnable::kind::fiber)
    return false; // relaxed: nothing is lent here
  auto& f = static_cast<fiber&>(r);
  if (f.name != explored_fiber::has_a_thread) return false;
  go_on(f);
  return true;
}

void strand_core::start(worker&, detail::runnable&) noexcept {} // no strands here

debug_modes wanted_debug_modes() noexcept { return {}; }

runtime_core::runtime_core(const options&, env::world& w, simulation*)
    : world(w),
      simulated(nullptr),
      name("explored"),
      stacks(w),
      max_threads(2),
      find_deadlocks(false),
      report_leaks(false) {}
runtime_core::~runtime_core() = default;

explored_core::explored_core(unsigned count, env::world& world) : core(standard(), world) {
  newest = &core;
  core.made.store(count, std::memory_order_relaxed);   // relaxed: nobody runs yet
  core.wanted.store(count, std::memory_order_relaxed); // relaxed: nobody runs yet
  core.active.store(count, std::memory_order_relaxed); // relaxed: nobody runs yet
  core.processors = new processor* [most_processors] {};
  for (unsigned i = 0; i < count; ++i) core.processors[i] = new processor(i, 0);
}
explored_core::~explored_core() {
  for (unsigned i = 0; i < most_processors; ++i) delete core.processors[i];
  delete[] core.processors;
}

explored_task_memory::explored_task_memory() noexcept { newest_memory = this; }

explored_fiber::explored_fiber(explored_core& c) : explored_fiber(c, nullptr) {}
explored_fiber::explored_fiber(explored_core& c, explored_mover* m) : mine(c.core), moves(m) {
  runtime = &c.core;
  name = has_a_thread;
  adopt(mine);
  mine.current = this;
}
void explored_fiber::adopt(worker& w) noexcept {
  w.proc = runtime->processors[0];
  w.exceptions = &no_exceptions;
}

explored_mover::explored_mover(explored_core& c) : explored_fiber(c, this), second(c.core) { adopt(second); }

void explored_mover::stays_behind() noexcept {
  for (unsigned i = 0;; i ^= 1) {
    departed[i].park();
    if (over) return;
    thrum_self_ = workers[i];
    finish_departure(*workers[i]);
  }
}

void explored_mover::ends() noexcept {
  over = true;
  departed[here].unpark();
}

void leave_stack(explored_fiber& sleeper) noexcept {
  explored_mover* m = sleeper.moves;
  if (m == nullptr) {
    worker& w = sleeper.mine;
    sleeper.stack.set(1);
    w.current = nullptr;
    if (w.leaving.pending) finish_departure(w);
    sleeper.bed.park();
    w.current = &sleeper;
    return;
  }
  worker& left = *m->workers[m->here];
  sleeper.stack.set(1);
  left.current = nullptr;
  m->departed[m->here].unpark();
  sleeper.bed.park();
  m->here ^= 1;
  thrum_self_ = m->workers[m->here];
  m->workers[m->here]->current = &sleeper;
}

void explored_fiber::runs_here() noexcept { thrum_self_ = &mine; }
void explored_guest::runs_here() noexcept { thrum_self_ = this; }

void describe(const fiber&, env::report&) noexcept {}
void describe(const std::exception_ptr&, env::report&) noexcept {}
void describe_origin(const char*, const std::source_location&, env::report&) noexcept {}
void unhandled(runtime_core&, std::exception_ptr) noexcept {}
const char* name_of(wait_reason) noexcept { return ""; }

runtime_core& default_runtime() noexcept { return *newest; }
void push_ready(worker&, fiber& f) noexcept { go_on(f); }
void push_fresh(worker& w, detail::task& t) noexcept { w.runtime.global.push_front_level(t); }
void share(worker&) noexcept {}
void launch_into(runtime_core&, detail::task&) noexcept {}
void bury(worker&, fiber&) noexcept {}
void give_objects_back(processor&) noexcept {}
void give_objects_back(worker&) noexcept {}
void arouse_monitor(runtime_core&) noexcept {}
void end_monitor(runtime_core&) noexcept {}
void deliver(worker&, const env::readiness*, int) noexcept {}

int start_worker(runtime_core& core, processor& p, bool searching) noexcept {
  start_request request{&p, searching};
  return core.world.start_thread(nullptr, nullptr, 0, nullptr, &request);
}

task_pool& shared_task_pool() noexcept {
  static task_pool none(env::linux_world());
  return none;
}
void task_pool::spill(unsigned, free_object**, unsigned) noexcept {}
bool task_pool::trim() noexcept { return false; }

} // namespace sched

namespace stack {
stack_pool::~stack_pool() = default;
env::nanoseconds stack_pool::trim(env::nanoseconds) noexcept { return env::forever; }
void stack_pool::give(const stack_ref*, std::size_t) noexcept {}
slab* stack_pool::next_of(const slab*) noexcept { return nullptr; }
std::uint32_t stack_pool::slots_of(const slab*) noexcept { return 0; }
bool stack_pool::is_out(const slab*, std::uint32_t) noexcept { return false; }
stack_ref stack_pool::stack_at(slab*, std::uint32_t) noexcept { return {}; }
} // namespace stack

namespace this_fiber {
void yield() noexcept {}
bool stop_requested() noexcept {
  const wait::agent& self = sched::this_agent();
  return self.kind == wait::agent_kind::fiber && sched::stop_in_force(static_cast<const sched::fiber&>(self));
}
} // namespace this_fiber

namespace detail {
void launch(task&, runtime*) noexcept {}
void* allocate_task(std::size_t bytes) {
  base::explore::require(!newest_memory->is_used && bytes <= sizeof newest_memory->bytes, "there is room");
  newest_memory->is_used = true;
  return newest_memory->bytes;
}
void free_task(void* memory, std::size_t bytes) noexcept {
  ++newest_memory->freed;
  base::explore::object_ends(memory, bytes);
}
deadline_t steady_now() noexcept { return env::linux_world().now(); }
} // namespace detail

} // namespace thrum
