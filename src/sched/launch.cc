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

// What goes to the shared level and comes from there at a time; and with how many a processor begins to give some back. So that who
// has up to 1,000 objects now, and none soon after, again and again, finds them where he left them.
constexpr unsigned shared_batches = 16;
constexpr unsigned most_batches = 128;

void push_batch(processor& p, unsigned size_class, free_object* first) noexcept {
  free_object* const next = first->next;
  p.free_batches[size_class] =
      ::new (static_cast<void*>(first)) free_batch{{next}, p.free_batches[size_class]};
  ++p.free_batch_count[size_class];
}

// Requires: there is one.
free_object* pop_batch(processor& p, unsigned size_class) noexcept {
  free_batch* const first = p.free_batches[size_class];
  p.free_batches[size_class] = first->below;
  --p.free_batch_count[size_class];
  return first;
}

// From the shared level. Requires: the processor has none.
[[gnu::noinline]] void refill(processor& p, unsigned size_class) noexcept {
  free_object* list = nullptr;
  unsigned n = shared_task_pool().refill(size_class, &list, shared_batches * batch_size);
  free_object* firsts[shared_batches];
  unsigned batches = 0;
  for (; n >= batch_size; n -= batch_size) {
    firsts[batches++] = list;
    free_object* last = list;
    for (unsigned i = 1; i < batch_size; ++i) last = last->next;
    list = std::exchange(last->next, nullptr);
  }
  while (batches != 0) push_batch(p, size_class, firsts[--batches]); // the first on top
  p.free_loose[size_class] = list;
  p.free_loose_count[size_class] = n;
}

// To the shared level.
[[gnu::noinline]] void spill(processor& p, unsigned size_class, unsigned batches) noexcept {
  free_object* list = nullptr;
  for (unsigned i = 0; i < batches; ++i) {
    free_object* const first = pop_batch(p, size_class);
    free_object* last = first;
    while (last->next != nullptr) last = last->next;
    last->next = list;
    list = first;
  }
  shared_task_pool().spill(size_class, &list, batches * batch_size);
}

// Null: there is none. There may be loose objects.
free_object* take_batch(processor& p, unsigned size_class) noexcept {
  if (p.free_batches[size_class] == nullptr && p.free_loose[size_class] == nullptr) refill(p, size_class);
  return p.free_batches[size_class] != nullptr ? pop_batch(p, size_class) : nullptr;
}

void put_batch(processor& p, unsigned size_class, free_object* first) noexcept {
  push_batch(p, size_class, first);
  if (p.free_batch_count[size_class] >= most_batches) spill(p, size_class, shared_batches);
}

} // namespace

void* take_object(worker& w, unsigned size_class) noexcept {
  processor& p = *w.proc;
  if (p.free_loose_count[size_class] == 0) {
    if (free_object* const batch = take_batch(p, size_class)) {
      p.free_loose[size_class] = batch;
      p.free_loose_count[size_class] = batch_size;
    }
  }
  free_object* const object = p.free_loose[size_class];
  if (object != nullptr) {
    p.free_loose[size_class] = object->next;
    --p.free_loose_count[size_class];
  }
  return object;
}

void put_object(worker& w, unsigned size_class, void* memory) noexcept {
  processor& p = *w.proc;
  if (p.free_loose_count[size_class] == batch_size) {
    put_batch(p, size_class, std::exchange(p.free_loose[size_class], nullptr));
    p.free_loose_count[size_class] = 0;
  }
  p.free_loose[size_class] = ::new (memory) free_object{p.free_loose[size_class]};
  ++p.free_loose_count[size_class];
}

void give_objects_back(processor& p) noexcept {
  for (unsigned c = 0; c < task_classes; ++c) {
    spill(p, c, p.free_batch_count[c]);
    shared_task_pool().spill(c, &p.free_loose[c], std::exchange(p.free_loose_count[c], 0));
  }
}

void give_objects_back(worker& w) noexcept {
  for (unsigned c = 0; c < task_classes; ++c) {
    shared_task_pool().spill(c, &w.spare[c], std::exchange(w.spare_count[c], 0));
    if (w.spare_batch[c] != nullptr) shared_task_pool().spill(c, &w.spare_batch[c], batch_size);
  }
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

// The thread keeps a batch or two, for which the processor need not be entered.

void* pop_spare(sched::worker& w, unsigned size_class) noexcept {
  --w.spare_count[size_class];
  sched::free_object* const object = w.spare[size_class];
  sched::free_object* const next = object->next;
  w.spare[size_class] = next;
  // Who makes many begins to use the next one soon. (A link of a chain of 1,000 continuations: 48 -> 43 ns, November 2026.)
  if (next != nullptr) {
    const char* const line = reinterpret_cast<const char*>(next);
    __builtin_prefetch(line, 1);
    if (size_class >= 1) __builtin_prefetch(line + 64, 1);
    if (size_class >= 2) __builtin_prefetch(line + 128, 1);
    if (size_class >= 3) __builtin_prefetch(line + 192, 1);
  }
  return object;
}

void push_spare(sched::worker& w, unsigned size_class, void* memory) noexcept {
  w.spare[size_class] = ::new (memory) sched::free_object{w.spare[size_class]};
  ++w.spare_count[size_class];
}

// Requires: there is none at hand.
void put_at_hand(sched::worker& w, unsigned size_class, sched::free_object* batch) noexcept {
  w.spare[size_class] = batch;
  w.spare_count[size_class] = sched::batch_size;
}

// From the caller's processor, with a batch to keep; or from the shared level on a plain thread.
[[gnu::noinline]] void* take_elsewhere(unsigned size_class) noexcept {
  if (sched::worker* const here = sched::try_this_worker();
      here != nullptr && here->spare_batch[size_class] != nullptr) {
    put_at_hand(*here, size_class, std::exchange(here->spare_batch[size_class], nullptr));
    return pop_spare(*here, size_class);
  }
  if (sched::this_fiber() == nullptr) {
    sched::free_object* object = nullptr;
    sched::shared_task_pool().refill(size_class, &object, 1);
    return object;
  }
  sched::worker& w = sched::enter(); // another thread's, perhaps, which has some
  if (w.spare[size_class] == nullptr) {
    sched::free_object* const batch = sched::take_batch(*w.proc, size_class);
    if (batch != nullptr) put_at_hand(w, size_class, batch);
  }
  void* const object =
      w.spare[size_class] != nullptr ? pop_spare(w, size_class) : sched::take_object(w, size_class);
  sched::leave();
  return object;
}

// Requires: there is a batch at hand.
void put_behind(sched::worker& w, unsigned size_class) noexcept {
  w.spare_batch[size_class] = std::exchange(w.spare[size_class], nullptr);
  w.spare_count[size_class] = 0;
}

[[gnu::noinline]] void put_elsewhere(unsigned size_class, void* memory) noexcept {
  if (sched::worker* const here = sched::try_this_worker();
      here != nullptr && here->spare_batch[size_class] == nullptr) {
    put_behind(*here, size_class);
    return push_spare(*here, size_class, memory);
  }
  if (sched::this_fiber() == nullptr) {
    auto* object = ::new (memory) sched::free_object{nullptr};
    return sched::shared_task_pool().spill(size_class, &object, 1);
  }
  sched::worker& w = sched::enter(); // another thread's, perhaps, which has room
  if (w.spare_count[size_class] == sched::batch_size) {
    if (w.spare_batch[size_class] != nullptr)
      sched::put_batch(*w.proc, size_class, w.spare_batch[size_class]);
    put_behind(w, size_class);
  }
  push_spare(w, size_class, memory);
  sched::leave();
}

void* take_from_here(unsigned size_class) noexcept {
  sched::worker* w = sched::try_this_worker();
  if (w == nullptr || w->spare[size_class] == nullptr) return take_elsewhere(size_class);
  return pop_spare(*w, size_class);
}

void put_back_here(unsigned size_class, void* memory) noexcept {
  sched::worker* w = sched::try_this_worker();
  if (w == nullptr || w->spare_count[size_class] == sched::batch_size)
    return put_elsewhere(size_class, memory);
  push_spare(*w, size_class, memory);
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
