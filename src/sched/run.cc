// From one fiber to the next.
//
// A fiber that waits switches straight to the next one, without a visit to a scheduler stack; a fiber that ends and is followed
// by a new task runs that on its own stack, without any switch; and one that is not stays as it is, built, for a later task. The native
// stack of the worker is used only when there is nothing quick to do: then the loop in worker.cc searches and sleeps.
#include "base/sanitizer.h"
#include "env/panic.h"
#include "sched/describe.h"
#include "sched/handoff.h"
#include "sched/scheduler.h"
#include "sched/strand.h"
#include "sched/switch.h"

#include <algorithm>
#include <exception>
#include <new>
#include <thrum/detail/joinable.h>
#include <thrum/detail/local.h>
#include <thrum/error.h>
#include <utility>

namespace thrum::sched {

namespace {

using detail::runnable;
using detail::task;

// Refills the cache of a processor and takes one. While stacks keep coming that hold no memory yet, many are needed: each refill
// brings twice as many of these as the one before, so that a burst of fibers costs a few system calls for every 32 and a
// small program commits no page in vain.
[[gnu::noinline]] stack::stack_ref take_new_stack(worker& w, unsigned size_class) noexcept {
  stack::stack_pool& pool = w.runtime.stacks;
  if (size_class != stack::stack_pool::default_class || is_detached(w)) return pool.take(size_class);
  processor& p = *w.proc;
  constexpr unsigned half = processor::stack_cache_size / 2;
  stack::stack_ref taken[half];
  const unsigned n = pool.take(size_class, taken, half, p.cold_stacks);
  if (n == 0) return {};
  p.cold_stacks = std::min(2 * p.cold_stacks, half);
  for (unsigned i = n; --i > 0;)
    p.stacks[p.cached_stacks++] = taken[i]; // they will be used in ascending order
  return taken[0];
}

// `has_fiber`: `built` says so.
stack::stack_ref take_stack(worker& w, unsigned size_class, bool& has_fiber) noexcept {
  processor& p = *w.proc;
  if (size_class != stack::stack_pool::default_class || p.cached_stacks == 0)
    return take_new_stack(w, size_class);
  --p.cached_stacks;
  const std::uint64_t bit = std::uint64_t{1} << p.cached_stacks;
  has_fiber = (p.built & bit) != 0;
  p.built &= ~bit;
  return p.stacks[p.cached_stacks];
}

void give_older_half(worker& w, processor& p) noexcept {
  constexpr unsigned half = processor::stack_cache_size / 2;
  w.runtime.stacks.give(p.stacks, half); // the older half is the colder one
  for (unsigned i = 0; i < half; ++i) p.stacks[i] = p.stacks[i + half];
  p.built >>= half;
  p.cached_stacks = half;
  p.cold_stacks = 1; // more than enough
}

void give_stack(worker& w, stack::stack_ref s) noexcept {
  processor* p = w.proc;
  if (p == nullptr || s.size_class() != stack::stack_pool::default_class) return w.runtime.stacks.give(s);
  if (p->cached_stacks == processor::stack_cache_size) give_older_half(w, *p);
  p->stacks[p->cached_stacks++] = s;
}

// Gives the stack on which the caller stands, with its fiber, as the last thing before it is left: only who takes this processor's
// next task takes it, and nobody does before the worker has left it.
[[gnu::always_inline]] inline void give_own_stack(worker& w, fiber& f) noexcept {
  processor& p = *w.proc;
  if (__builtin_expect(p.cached_stacks == processor::stack_cache_size, false)) give_older_half(w, p);
  p.built |= std::uint64_t{1} << p.cached_stacks;
  p.stacks[p.cached_stacks++] = f.stack;
}

// A fiber that has ended may stay as it is, on its stack, and begin another task later: neither has to be made anew. (Not under the
// sanitizers, which want to see a new fiber.)
[[gnu::always_inline]] inline bool may_stay_built(const worker& w, const fiber& f) noexcept {
  return !THRUM_TSAN && !THRUM_ASAN && f.stack.size_class() == stack::stack_pool::default_class &&
         !w.runtime.debug.any();
}

constinit base::atomic<std::uint64_t> ids{1}; // of the process: fibers of different runtimes differ, too

std::uint64_t take_id(worker& w) noexcept {
  processor& p = *w.proc;
  if (p.next_id == p.last_id) {
    constexpr std::uint64_t block = 1024;
    p.next_id = ids.fetch_add(block, std::memory_order_relaxed); // relaxed: only unique
    p.last_id = p.next_id + block;
  }
  return p.next_id++;
}

// What the control block and the runtime's own frames take of a stack, beside what the user asked for.
constexpr std::size_t own_stack = THRUM_ASAN ? 16 << 10 : 4 << 10;

unsigned class_of(const task& t) noexcept {
  if (t.stack == 0) return stack::stack_pool::default_class;
  if (t.stack > stack::max_usable_bytes - own_stack)
    env::panic("a fiber asks for more stack than there can be", "the largest is 1 GiB less 68 KiB");
  return stack::stack_pool::class_for(t.stack + own_stack);
}

// Apart: a call in the middle of adopt() would make that save registers.
[[gnu::cold, gnu::noinline]] void begin_recorded(worker& w, fiber& f, task& t) noexcept {
  record::begun(w, f, t);
  if (t.joinable) detail::begin_joinable(static_cast<detail::joinable_task&>(t), f);
}

// Makes `f` the fiber of `t`.
[[gnu::always_inline]] inline void adopt(worker& w, fiber& f, task& t) noexcept {
  f.name = t.name;
  f.site = t.site;
  f.id = take_id(w);
  f.exceptions = {};
  f.error_number = 0;
  f.own.bound = t.bound;
  f.why = wait_reason::none;
  f.stop_shield = 0;
  f.asked.store(0, std::memory_order_relaxed); // relaxed: nobody asks who has not begun
  f.has_groups = false;
  f.begin = &t;
  // A task that begins while its runtime is being drained is asked to stop from the start.
  f.stop_requested.store(w.runtime.draining.load(std::memory_order_relaxed),
                         std::memory_order_relaxed); // relaxed: N2
  f.alive.store(true, std::memory_order_release);    // N3 (drain.cc)
  if (is_recorded(w)) return begin_recorded(w, f, t);
  if (t.joinable) detail::begin_joinable(static_cast<detail::joinable_task&>(t), f);
}

// The same on the stack of `f`, which has ended as another, while somebody records.
[[gnu::cold, gnu::noinline]] void adopt_recorded(worker& w, fiber& f, task& t) noexcept {
  record::runs(w, &f, nullptr, true);
  adopt(w, f, t);
  record::runs(w, nullptr, &f, false);
}

[[noreturn]] void fiber_main(void* raw) noexcept;

} // namespace

fiber* make_fiber(worker& w, task& t) noexcept {
  bool has_fiber = false;
  const stack::stack_ref s = take_stack(w, class_of(t), has_fiber);
  if (!s) return nullptr;
  auto* f = std::launder(reinterpret_cast<fiber*>(s.top() - sizeof(fiber)));
  if (!has_fiber) {
    // A drainer may look at the atomic members of the block at any time, also now (for_each_block in drain.cc): it may miss the
    // fiber in this round, or find a flag overwritten, and asks again in the next.
    {
      const base::tsan_ignore_writes while_constructing;
      f = ::new (static_cast<void*>(f)) fiber;
    }
    f->stack = s;
    f->runtime = &w.runtime;
    if (w.runtime.debug.any()) begin_special(w, *f);
    f->saved = env::new_context(f, &fiber_main, f);
#if THRUM_TSAN
    f->tsan_context = __tsan_create_fiber(0);
#endif
  }
  adopt(w, *f, t);
  return f;
}
void unhandled(runtime_core& core, std::exception_ptr error) noexcept {
  if (core.on_unhandled) {
    core.on_unhandled(std::move(error)); // noexcept: if the handler throws, too, std::terminate
    return;
  }
  env::report message;
  message.text("thrum: an exception left a detached fiber\n");
  describe(error, message);
  env::describe_self(message);
  message.text("  catch it in the fiber, join it with spawn(), or set options.on_unhandled\n").flush();
  std::terminate();
}

namespace {

[[gnu::noinline]] void call(fiber& f) noexcept {
  task& t = *f.begin;
  base::tsan_acquire(&t);
  try {
    t.run(t);
  } catch (const cancelled&) { // asked to stop, and did
  } catch (...) { unhandled(*f.runtime, std::current_exception()); }
  if (__builtin_expect(f.own.locals != nullptr || f.own.bound != nullptr, false)) detail::end_belongings();
  if (__builtin_expect(f.pins != 0, false))
    env::panic("a fiber ended while it is pinned",
               "a thrum::pinned is a local variable; it was leaked or moved to the heap");
  if (__builtin_expect(f.regions != 0, false))
    env::panic(
        "a fiber ended in a region of the default rcu_domain",
        "who calls lock() calls unlock(), too; a coroutine that waits in a region needs an rcu_region");
}

// Leaves a fiber that has ended; for good, unless it is given another task later. Or, if a task is next that fits its stack, makes it
// that task's fiber at once: the stack is warm and already ours. (Not under the sanitizers, which want to see a new fiber.)
// Returns if there is another task, with the worker that runs it.
// Inlined, so that the switch happens at the call depth at which the fiber began (switch.S).
[[gnu::always_inline]] inline worker& end_fiber(worker& w, fiber& f) noexcept {
  runnable* next = pick(w);
  if (!THRUM_TSAN && !THRUM_ASAN && next != nullptr && next->is_task()) {
    auto& t = static_cast<task&>(*next);
    if (class_of(t) == f.stack.size_class()) {
      is_recorded(w) ? adopt_recorded(w, f, t) : adopt(w, f, t);
      return w;
    }
  }
  if (may_stay_built(w, f)) {
    fiber* const to = target(w, next);
    give_own_stack(w, f);
    switch_stacks(w, &f, to, true);
    return arrive();
  }
  w.leaving.pending = true; // nobody has left anything else: the departure before is finished
  w.leaving.parked = nullptr;
  w.leaving.dead = &f;
  switch_stacks(w, &f, target(w, next), true);
  __builtin_unreachable();
}

[[noreturn]] void fiber_main(void* raw) noexcept {
  auto& f = *static_cast<fiber*>(raw);
  arrive_at_fiber();
  for (;;) {
    leave();
    call(f);
    worker& w = enter();
    processor& p = *w.proc;
    f.alive.store(false, std::memory_order_release); // N3 (drain.cc)
    const std::uint64_t ended =
        p.finished.load(std::memory_order_relaxed) + 1; // relaxed: only the holder writes
    p.finished.store(ended, std::memory_order_release); // N1 (drain.cc)
    if (w.runtime.draining.load(std::memory_order_relaxed))
      note_end(w.runtime);                        // relaxed: the drainer sums now and then
    worker& now = end_fiber(w, f);                // returns if `f` was given another task
    if (now.proc->turns() <= 0) look_beyond(now); // relaxed: ours
  }
}

} // namespace

namespace {

// A detached worker (handoff.cc) has no turn to give, but no right to another one either: behind all who wait.
void yield_detached(worker& w, fiber& self) noexcept {
  w.leaving = {.pending = true,
               .release =
                   [](void* raw) noexcept {
                     auto* f = static_cast<fiber*>(raw);
                     runtime_core& core = *f->runtime;
                     core.global.push_tail_level(*f);               // from here on it may run, and end
                     base::thread_fence(std::memory_order_seq_cst); // I1 (idle.cc)
                     wake_another(core);
                   },
               .argument = &self};
  switch_stacks(w, &self, nullptr);
  arrive_at_fiber();
}

} // namespace

void yield_to_next(worker& w) noexcept {
  fiber& self = *w.current_fiber();
  // Nobody arrives anywhere if a fiber that yields is alone; then this is the only place that sees timers and the global queue.
  if (w.proc->turns() <= 0) {                                       // relaxed: ours
    if (w.pinned != nullptr) return w.runtime.world.yield_thread(); // nobody else runs here
    if (is_detached(w)) return yield_detached(w, self);
    look_beyond(w);
    if (is_detached(w)) return yield_detached(w, self); // there were too many processors
  }
  fiber* to = target(w, pick(w));
  if (to == nullptr && !w.passes_on && !(self.on_strand && strand_of(self).somebody_waits())) return;
  if (!w.proc->ready.push_back(&self)) {
    // No memory for the queue: a queue that needs none, but others look into it, so only after we have left the stack.
    w.leaving = {.pending = true,
                 .release =
                     [](void* f) noexcept {
                       static_cast<fiber*>(f)->runtime->global.push_front_level(*static_cast<fiber*>(f));
                     },
                 .argument = &self};
  }
  switch_stacks(w, &self, to);
  arrive_at_fiber();
}

void run(worker& w, runnable& r) noexcept {
  fiber* to;
  if (r.is_task()) {
    auto& t = static_cast<task&>(r);
    for (unsigned turn = 0; (to = make_fiber(w, t)) == nullptr; ++turn) {
      // Out of memory for stacks. Fibers that run may end and give theirs back; without any, nothing ever will.
      if (runnable* other = pick(w); other != nullptr && !other->is_task()) {
        w.runtime.global.push_front_level(t);
        to = target(w, other);
        break;
      } else if (other != nullptr) {
        w.runtime.global.push_tail_level(*other);
      }
      if (turn == 1'000)
        env::panic("no memory for the stack of a fiber",
                   "start fewer fibers at a time, or raise the memory limit");
      w.runtime.world.yield_thread();
    }
  } else {
    to = target(w, &r);
  }
  if (to == nullptr) return; // special: find_work knows what to do
  switch_stacks(w, nullptr, to);
  arrive();
}

void bury(worker& w, fiber& dead) noexcept {
#if THRUM_TSAN
  __tsan_destroy_fiber(dead.tsan_context);
#endif
  const stack::stack_ref s = dead.stack;
  dead.~fiber();
  give_stack(w, s);
}

} // namespace thrum::sched
