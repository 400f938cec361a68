#include "io/descriptor_pool.h"

#include "base/spin_lock.h"
#include "io/descriptor.h"

#include <new>

namespace thrum::io::descriptor_pool {

namespace {

struct slab {
  static constexpr unsigned size = 32;
  descriptor all[size];
  slab* next = nullptr; // constant once the slab is linked
};

// Orderings
//   D1  slabs: release store of who adds one -> acquire load of who walks: it sees the slab made.
constinit base::spin_lock lock;               // guards the free list and the making of slabs
constinit descriptor* free_list = nullptr;    // last in, first out: warm ones first
constinit base::atomic<slab*> slabs{nullptr}; // only grows

} // namespace

descriptor* take() noexcept {
  const base::spin_guard hold(lock);
  if (free_list == nullptr) {
    auto* fresh = new (std::nothrow) slab;
    if (fresh == nullptr) return nullptr;
    for (unsigned i = slab::size; i-- > 0;) {
      fresh->all[i].next_free = free_list;
      free_list = &fresh->all[i];
    }
    fresh->next = slabs.load(std::memory_order_relaxed); // relaxed: only written under the lock
    slabs.store(fresh, std::memory_order_release);       // D1
  }
  descriptor* d = free_list;
  free_list = d->next_free;
  return d;
}

void give(descriptor& d) noexcept {
  const base::spin_guard hold(lock);
  d.next_free = free_list;
  free_list = &d;
}

void for_each(void (*visit)(descriptor&, void*) noexcept, void* argument) noexcept {
  for (slab* s = slabs.load(std::memory_order_acquire); s != nullptr; s = s->next) // D1
    for (descriptor& d : s->all) visit(d, argument);
}

} // namespace thrum::io::descriptor_pool
