// One lock for all pools: what calls them takes microseconds at least, so it is no bottleneck. Nothing is allocated under it: names are
// copied into room that is there already.
#include "sched/blocking_pools.h"

#include "base/spin_lock.h"
#include "env/panic.h"

#include <array>

namespace thrum::sched::blocking_pools {

using detail::blocking_call;
using detail::blocking_pool_core;

namespace {

constinit base::spin_lock lock;
constinit blocking_pool_core* first = nullptr; // guarded

using short_name = std::array<char, 48>;

void copy(short_name& to, const char* from) noexcept {
  to = {};
  for (std::size_t i = 0; i + 1 < to.size() && from[i] != '\0'; ++i) to[i] = from[i];
}

struct row {
  short_name name{};
  blocking_pool_report numbers{};
};

} // namespace

void add(blocking_pool_core& p) noexcept {
  const base::spin_guard guard(lock);
  blocking_pool_core** end = &first;
  while (*end != nullptr) end = &(*end)->next;
  *end = &p;
}

void remove(blocking_pool_core& p) noexcept {
  bool in_use;
  {
    const base::spin_guard guard(lock);
    in_use = p.calls != nullptr;
    blocking_pool_core** link = &first;
    while (*link != &p) link = &(*link)->next;
    *link = p.next;
  }
  if (in_use)
    env::panic("a blocking_pool is destroyed while a call is in it", "it outlives what is called in it");
}

void note_waiting(blocking_pool_core& p, bool begins) noexcept {
  const base::spin_guard guard(lock);
  begins ? ++p.waiting : --p.waiting;
}

void note_in(blocking_pool_core& p, blocking_call& c) noexcept {
  const base::spin_guard guard(lock);
  c.next = p.calls;
  if (c.next != nullptr) c.next->previous = &c;
  p.calls = &c;
  ++p.count;
  if (++p.running > p.most) p.most = p.running;
}

void note_out(blocking_pool_core& p, blocking_call& c) noexcept {
  const base::spin_guard guard(lock);
  (c.previous != nullptr ? c.previous->next : p.calls) = c.next;
  if (c.next != nullptr) c.next->previous = c.previous;
  --p.running;
}

std::vector<blocking_pool_report> all() {
  std::vector<row> rows;
  for (std::size_t there = 1; rows.size() < there;) {
    rows.resize(there);
    std::size_t n = 0;
    const base::spin_guard guard(lock);
    for (const blocking_pool_core* p = first; p != nullptr; p = p->next, ++n) {
      if (n >= rows.size()) continue;
      copy(rows[n].name, p->name);
      rows[n].numbers.limit = p->limit;
      rows[n].numbers.running = p->running;
      rows[n].numbers.most = p->most;
      rows[n].numbers.waiting = p->waiting;
      rows[n].numbers.calls = p->count;
    }
    there = n;
    if (n < rows.size()) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(n), rows.end());
  }
  std::vector<blocking_pool_report> result;
  for (row& r : rows) {
    r.numbers.name = r.name.data();
    result.push_back(std::move(r.numbers));
  }
  return result;
}

std::string name_of_call(std::uint64_t fiber) {
  short_name name{};
  if (fiber != 0) {
    const base::spin_guard guard(lock);
    for (const blocking_pool_core* p = first; p != nullptr; p = p->next)
      for (const blocking_call* c = p->calls; c != nullptr; c = c->next)
        if (c->fiber == fiber) copy(name, p->name);
  }
  return name.data();
}

std::string name_of_gate(const void* gate) {
  short_name name{};
  {
    const base::spin_guard guard(lock);
    for (const blocking_pool_core* p = first; p != nullptr; p = p->next)
      if (p->gate == gate) copy(name, p->name);
  }
  return name.data();
}

} // namespace thrum::sched::blocking_pools
