#include "sched/task_pool.h"

#include <new>

namespace thrum::sched {

namespace {
constexpr std::size_t slab_bytes = 64 << 10; // aligned to its size, so an object finds its slab by masking
}

struct task_pool::slab {
  slab* next;
  slab* prev;
  slab* last; // in the head slab only: the tail of the list
  free_object* free;
  std::uint32_t free_count;
  std::uint32_t capacity;
  std::uint8_t size_class;
};

void task_pool::unlink(level& l, slab* s) noexcept {
  slab* last = l.first->last;
  if (last == s) last = s->prev;
  (s->prev ? s->prev->next : l.first) = s->next;
  if (s->next) s->next->prev = s->prev;
  if (l.first) l.first->last = last;
  s->next = s->prev = nullptr;
}

void task_pool::push_front(level& l, slab* s) noexcept {
  s->prev = nullptr;
  s->next = l.first;
  s->last = l.first ? l.first->last : s;
  if (l.first) l.first->prev = s;
  l.first = s;
}

void task_pool::push_back(level& l, slab* s) noexcept {
  if (l.first == nullptr) return push_front(l, s);
  slab* last = l.first->last;
  last->next = s;
  s->prev = last;
  s->next = nullptr;
  l.first->last = s;
}

task_pool::slab* task_pool::make_slab(unsigned size_class) noexcept {
  auto* s = static_cast<slab*>(world_.map(slab_bytes, slab_bytes));
  if (s == nullptr) return nullptr;
  char* whole = reinterpret_cast<char*>(s);
  world_.commit(&whole, 1, slab_bytes); // linking the objects touches every page
  const std::size_t bytes = task_class_bytes(size_class);
  const std::size_t first = (sizeof(slab) + bytes - 1) / bytes * bytes;
  s->size_class = static_cast<std::uint8_t>(size_class);
  s->capacity = s->free_count = static_cast<std::uint32_t>((slab_bytes - first) / bytes);
  char* memory = reinterpret_cast<char*>(s) + first;
  // Linked in address order, so that a burst of spawns walks forward through memory.
  for (std::uint32_t i = s->capacity; i-- > 0;) {
    auto* object = reinterpret_cast<free_object*>(memory + i * bytes);
    object->next = s->free;
    s->free = object;
  }
  return s;
}

unsigned task_pool::refill(unsigned size_class, free_object** list, unsigned wanted) noexcept {
  const base::spin_guard guard(lock_);
  level& l = levels_[size_class];
  unsigned got = 0;
  while (got < wanted) {
    slab* s = l.first;
    if (s == nullptr || s->free == nullptr) { // slabs without a free object stand last
      s = make_slab(size_class);
      if (s == nullptr) return got;
      push_front(l, s);
      ++l.empty_slabs;
    }
    if (s->free_count == s->capacity) --l.empty_slabs;
    // Moves a run of objects, keeping their order.
    free_object* first = s->free;
    free_object* last = first;
    unsigned n = 1;
    while (n < wanted - got && last->next != nullptr) {
      last = last->next;
      ++n;
    }
    s->free = last->next;
    s->free_count -= n;
    last->next = *list;
    *list = first;
    got += n;
    if (s->free == nullptr) {
      unlink(l, s);
      push_back(l, s);
    }
  }
  return got;
}

void task_pool::spill(unsigned size_class, free_object** list, unsigned count) noexcept {
  const base::spin_guard guard(lock_);
  level& l = levels_[size_class];
  for (unsigned i = 0; i < count; ++i) {
    free_object* object = *list;
    *list = object->next;
    auto* s = reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(object) & ~(slab_bytes - 1));
    const bool was_full = s->free == nullptr;
    object->next = s->free;
    s->free = object;
    if (++s->free_count == s->capacity) ++l.empty_slabs;
    if (was_full) {
      unlink(l, s);
      push_front(l, s);
    }
  }
}

bool task_pool::trim() noexcept {
  constexpr unsigned slabs_per_call = 16;
  slab* idle[slabs_per_call];
  unsigned count = 0;
  {
    const base::spin_guard guard(lock_);
    for (level& l : levels_)
      for (slab *s = l.first, *next; s != nullptr && l.empty_slabs > 1 && count < slabs_per_call; s = next) {
        next = s->next;
        if (s->free_count != s->capacity) continue;
        unlink(l, s);
        --l.empty_slabs;
        idle[count++] = s;
      }
  }
  for (unsigned i = 0; i < count; ++i) world_.unmap(idle[i], slab_bytes);
  return count == slabs_per_call;
}

task_pool& shared_task_pool() noexcept {
  alignas(task_pool) static unsigned char memory[sizeof(task_pool)];
  static task_pool& pool = *::new (memory) task_pool(env::linux_world()); // immortal: no destructor at exit
  return pool;
}

} // namespace thrum::sched
