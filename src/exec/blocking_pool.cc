// blocking_pool: a semaphore, whose queue is in order, and a note of who is in (sched/blocking_pools.h).
#include "env/panic.h"
#include "sched/blocking_pools.h"
#include "sched/scheduler.h"

#include <thrum/blocking.h>

namespace thrum {

namespace {

std::ptrdiff_t places_of(std::size_t limit) noexcept {
  if (limit == 0)
    env::panic("a blocking_pool with no place", "nothing could ever be called in it; leave the limit out");
  return static_cast<std::ptrdiff_t>(limit > blocking_pool::no_limit ? blocking_pool::no_limit : limit);
}

// Where a fiber is recorded, if one is.
void record(void (*event)(sched::worker&, const char*) noexcept, const char* name) noexcept {
  if (sched::this_fiber() == nullptr) return;
  sched::worker& w = sched::enter();
  if (sched::is_recorded(w)) event(w, name);
  sched::leave();
}

} // namespace

blocking_pool::blocking_pool(const char* name, std::size_t limit)
    : places_(places_of(limit)),
      core_{.name = name != nullptr ? name : "blocking",
            .limit = limit >= no_limit ? 0 : limit,
            .gate = &detail::semaphore_access::core(places_)} {
  sched::blocking_pools::add(core_);
}

blocking_pool::~blocking_pool() { sched::blocking_pools::remove(core_); }

blocking_pool::call::call(blocking_pool& of) : of_(of) {
  if (!of.places_.try_acquire()) {
    struct wait_note {
      explicit wait_note(detail::blocking_pool_core& c) noexcept : core(c) {
        sched::blocking_pools::note_waiting(core, true);
      }
      ~wait_note() { sched::blocking_pools::note_waiting(core, false); }
      detail::blocking_pool_core& core;
    } waits(of.core_);
    of.places_.acquire();
  }
  if (const sched::fiber* f = sched::this_fiber()) noted_.fiber = f->id;
  sched::blocking_pools::note_in(of.core_, noted_);
  record(&sched::record::enters, of.core_.name);
}

blocking_pool::call::~call() {
  record(&sched::record::leaves, of_.core_.name);
  sched::blocking_pools::note_out(of_.core_, noted_);
  of_.places_.release(); // gone from here on, perhaps
}

} // namespace thrum
