// From go() and spawn() to a queue.
#include "sched/launch.h"

#include "base/sanitizer.h"
#include "sched/inherit.h"
#include "sched/scheduler.h"

#include <thrum/detail/task.h>

#include <new>
#include <utility>

namespace thrum {

namespace sched {

namespace {
constexpr unsigned refill_count = 128;
constexpr unsigned spill_at = 256;

void spill_half(processor& p, unsigned size_class) noexcept {
  shared_task_pool().spill(size_class, &p.free_tasks[size_class], spill_at / 2);
  p.free_task_count[size_class] -= spill_at / 2;
}
} // namespace

void* take_object(worker& w, unsigned size_class) noexcept {
  processor& p = *w.proc;
  if (p.free_tasks[size_class] == nullptr)
    p.free_task_count[size_class] =
        shared_task_pool().refill(size_class, &p.free_tasks[size_class], refill_count);
  free_object* object = p.free_tasks[size_class];
  if (object != nullptr) {
    p.free_tasks[size_class] = object->next;
    --p.free_task_count[size_class];
  }
  return object;
}

void put_object(worker& w, unsigned size_class, void* memory) noexcept {
  processor& p = *w.proc;
  p.free_tasks[size_class] = ::new (memory) free_object{p.free_tasks[size_class]};
  if (++p.free_task_count[size_class] >= spill_at) spill_half(p, size_class);
}

unsigned take_objects(worker& w, unsigned size_class, free_object** list, unsigned wanted) noexcept {
  processor& p = *w.proc;
  free_object* const first = p.free_tasks[size_class];
  if (first == nullptr) return 0;
  free_object* last = first;
  unsigned n = 1;
  for (; n < wanted && last->next != nullptr; ++n) last = last->next;
  p.free_tasks[size_class] = last->next;
  p.free_task_count[size_class] -= n;
  last->next = *list;
  *list = first;
  return n;
}

free_object* put_objects(worker& w, unsigned size_class, free_object* first, unsigned count) noexcept {
  processor& p = *w.proc;
  free_object* last = first;
  for (unsigned n = 1; n < count; ++n) last = last->next;
  free_object* const rest = last->next;
  last->next = p.free_tasks[size_class];
  p.free_tasks[size_class] = first;
  p.free_task_count[size_class] += count;
  if (p.free_task_count[size_class] >= spill_at) spill_half(p, size_class);
  return rest;
}

namespace {

[[gnu::always_inline]] inline void launch_inlined(runtime_core& core, detail::task& t) noexcept {
  base::tsan_release(&t);
  worker* here = try_this_worker();
  if (here == nullptr || &here->runtime != &core) return launch_elsewhere(core, t);
  launch_inside(t);
}

} // namespace

void launch_into(runtime_core& core, detail::task& t) noexcept { launch_inlined(core, t); }

} // namespace sched

namespace detail {

namespace {

// The thread keeps a few objects, for which the processor need not be entered; and when it is, so many change hands at once that the
// next ones do not enter it either.
constexpr unsigned at_once = sched::worker::most_spare / 2;

// From the caller's processor, with some to keep; or from the shared level on a plain thread.
[[gnu::noinline]] void* take_elsewhere(unsigned size_class) noexcept {
  if (sched::this_fiber() == nullptr) {
    sched::free_object* object = nullptr;
    sched::shared_task_pool().refill(size_class, &object, 1);
    return object;
  }
  sched::worker& w = sched::enter();
  auto* object = static_cast<sched::free_object*>(sched::take_object(w, size_class));
  if (object != nullptr && w.spare[size_class] == nullptr)
    w.spare_count[size_class] =
        static_cast<std::uint8_t>(sched::take_objects(w, size_class, &w.spare[size_class], at_once));
  sched::leave();
  return object;
}

[[gnu::noinline]] void put_elsewhere(unsigned size_class, void* memory) noexcept {
  auto* object = ::new (memory) sched::free_object{nullptr};
  if (sched::this_fiber() == nullptr) return sched::shared_task_pool().spill(size_class, &object, 1);
  sched::worker& w = sched::enter();
  object->next = w.spare[size_class];
  if (w.spare_count[size_class] == sched::worker::most_spare) {
    w.spare[size_class] = sched::put_objects(w, size_class, object, at_once);
    w.spare_count[size_class] -= at_once - 1;
  } else { // another thread's by now
    w.spare[size_class] = object;
    ++w.spare_count[size_class];
  }
  sched::leave();
}

void* take_from_here(unsigned size_class) noexcept {
  sched::worker* w = sched::try_this_worker();
  if (w == nullptr || w->spare[size_class] == nullptr) return take_elsewhere(size_class);
  --w->spare_count[size_class];
  sched::free_object* const object = w->spare[size_class];
  sched::free_object* const next = object->next;
  w->spare[size_class] = next;
  // Who makes many begins to use the next one soon. (A link of a chain of 1,000 continuations: 48 -> 43 ns, November 2026.)
  if (next != nullptr)
    for (unsigned line = 0; line <= size_class; ++line)
      __builtin_prefetch(reinterpret_cast<const char*>(next) + 64 * line, 1);
  return object;
}

void put_back_here(unsigned size_class, void* memory) noexcept {
  sched::worker* w = sched::try_this_worker();
  if (w == nullptr || w->spare_count[size_class] == sched::worker::most_spare)
    return put_elsewhere(size_class, memory);
  ++w->spare_count[size_class];
  w->spare[size_class] = ::new (memory) sched::free_object{w->spare[size_class]};
}

} // namespace

void* allocate_task(std::size_t bytes) {
  if (bytes > sched::largest_pooled_task) return ::operator new(bytes, std::align_val_t{64});
  if (void* memory = take_from_here(sched::task_class(bytes))) return memory;
  throw std::bad_alloc();
}

void free_task(void* memory, std::size_t bytes) noexcept {
  if (bytes > sched::largest_pooled_task) return ::operator delete(memory, std::align_val_t{64});
  put_back_here(sched::task_class(bytes), memory);
}

void launch(task& t, runtime* where) noexcept {
  sched::inherit(t);
  sched::launch_inlined(where != nullptr ? sched::core_of(*where) : sched::current_runtime(), t);
}

} // namespace detail
} // namespace thrum
