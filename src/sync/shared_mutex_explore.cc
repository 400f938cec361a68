// The shared_mutex as it is: a writer is alone, readers see it or do not, phases change hands without losing anybody, waits give up,
// and who frees it last may destroy it.
#include "sched/explore/agents.h"
#include "sched/park.h"

#include <thrum/shared_mutex.h>

#include <array>

namespace thrum {

namespace explore = base::explore;

namespace {

using sched::bounded_without_spurious;
using sched::expect_correct_beyond;
using sched::explored_agents;
using sched::mortal;
using sched::some_time;
using fiber_agent = sched::explored_fiber;
using guest = sched::explored_guest;

// What a thread does with the mutex.
enum class role : std::uint8_t { writes, reads, may_write, may_read, tries_to_write, tries_to_read };

// Each comes once. Two values that a writer changes together; reads are checked against races with every write.
template <class Agent, role... Roles> struct come_once {
  static constexpr int threads = sizeof...(Roles);
  static constexpr std::array<role, sizeof...(Roles)> roles{Roles...};
  explored_agents<Agent, threads> all;
  mortal<shared_mutex> m;
  explore::plain<int> value, copy;
  int wrote = 0;
  sched::last_user users{threads};

  void thread(int index) {
    all.runs_here(index);
    switch (roles[static_cast<std::size_t>(index)]) {
    case role::writes: m->lock(), write(); break;
    case role::may_write:
      if (m->try_lock_until(some_time)) write();
      break;
    case role::tries_to_write:
      if (m->try_lock()) write();
      break;
    case role::reads: m->lock_shared(), read(); break;
    case role::may_read:
      if (m->try_lock_shared_until(some_time)) read();
      break;
    case role::tries_to_read:
      if (m->try_lock_shared()) read();
      break;
    }
    if (!users.leaves()) return;
    explore::require(value.get() == wrote, "no write is lost");
    m.end();
  }
  void write() {
    value.set(value.get() + 1);
    copy.set(copy.get() + 1);
    ++wrote;
    m->unlock();
  }
  void read() {
    explore::require(value.get() == copy.get(), "a reader sees all of a write");
    m->unlock_shared();
  }
};

// Readers share: two that wait for each other while both hold it.
struct readers_share {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  shared_mutex m;
  std::array<explore::parker, 2> met;
  void thread(int index) {
    all.runs_here(index);
    m.lock_shared();
    met[static_cast<std::size_t>(1 - index)].unpark();
    met[static_cast<std::size_t>(index)].park();
    m.unlock_shared();
  }
};

// A reader that waited only because of a writer that gives up joins the reader that holds the lock, which waits for it (V4).
struct writer_gives_up {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  shared_mutex m;
  explore::parker inside, met;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      m.lock_shared();
      inside.unpark();
      met.park();
      m.unlock_shared();
    } else if (index == 1) {
      if (m.try_lock_until(some_time)) m.unlock();
    } else {
      inside.park();
      m.lock_shared();
      met.unpark();
      m.unlock_shared();
    }
  }
};

// A writer, then a reader; one who gives up, and then writes after all; a reader. So what the first wrote reaches the last by way of
// who gave up, and a reader may find, as it leaves last, that another has joined.
struct writer_comes_again {
  static constexpr int threads = 3;
  explored_agents<guest, 3> all;
  shared_mutex m;
  explore::plain<int> value;
  void thread(int index) {
    all.runs_here(index);
    if (index == 0) {
      m.lock();
      value.set(value.get() + 1);
      m.unlock();
    }
    if (index == 1) {
      if (!m.try_lock_until(some_time)) m.lock();
      value.set(value.get() + 1);
      m.unlock();
    } else {
      m.lock_shared();
      static_cast<void>(value.get());
      m.unlock_shared();
    }
  }
  void finish() { explore::require(value.get() == 2, "no write is lost"); }
};

// The last user destroys it; that it has unlocked is all the others know.
template <bool Reads> struct one_after_the_other {
  static constexpr int threads = 2;
  explored_agents<guest, 2> all;
  mortal<shared_mutex> m;
  base::guarded<int> users = 2;
  void thread(int index) {
    all.runs_here(index);
    if (Reads && index == 0) {
      m->lock_shared();
      m->unlock_shared();
    }
    m->lock();
    const bool last = --users == 0;
    m->unlock();
    if (last) m.end();
  }
};

constexpr role W = role::writes, R = role::reads, w = role::may_write, r = role::may_read;

} // namespace

TEST(shared_mutex_explore, a_writer_is_alone) {
  explore::expect_correct<come_once<guest, W, W>>();
  explore::expect_correct<come_once<guest, W, R>>();
  explore::expect_correct<come_once<fiber_agent, W, R>>();
  explore::expect_correct<come_once<guest, W, role::tries_to_write>>();
  explore::expect_correct<come_once<guest, W, role::tries_to_read>>();
  explore::expect_correct<come_once<guest, W, R, R>>(bounded_without_spurious<1>);
  explore::expect_correct<come_once<guest, W, W, R>>(bounded_without_spurious<1>);
  explore::expect_correct<come_once<guest, W, W, W>>(bounded_without_spurious<1>);
  expect_correct_beyond<come_once<guest, W, R, R>>();
  expect_correct_beyond<come_once<guest, W, W, R, R>>();
}
TEST(shared_mutex_explore, readers_share) { explore::expect_correct<readers_share>(); }
TEST(shared_mutex_explore, a_wait_that_gives_up_stops_nobody) {
  explore::expect_correct<come_once<guest, W, w>>();
  explore::expect_correct<come_once<guest, W, r>>();
  explore::expect_correct<come_once<guest, R, w>>();
  explore::expect_correct<come_once<guest, W, w, R>>(bounded_without_spurious<1>);
  explore::expect_correct<come_once<guest, R, w, R>>(bounded_without_spurious<1>);
  explore::expect_correct<come_once<guest, R, W, r>>(bounded_without_spurious<1>);
  expect_correct_beyond<writer_comes_again>();
  explore::expect_correct<writer_gives_up>(bounded_without_spurious<1>);
  expect_correct_beyond<come_once<guest, W, w, r, R>>();
}
TEST(shared_mutex_explore, the_last_user_may_destroy_it) {
  explore::expect_correct<one_after_the_other<false>>();
  explore::expect_correct<one_after_the_other<true>>();
}

TEST(shared_mutex_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<come_once<guest, W, R>>(), explore::scenario_of<come_once<guest, W, W>>(),
       explore::scenario_of<one_after_the_other<false>>(),
       explore::scenario_of<one_after_the_other<true>>(bounded_without_spurious<1>),
       explore::scenario_of<writer_comes_again>({.strategy = explore::pct{5}, .max_executions = 20'000}),
       explore::scenario_of<come_once<guest, R, w, R>>(bounded_without_spurious<1>)},
      {.files = {"sync/shared_mutex.cc", "thrum/shared_mutex.h"}}));
}

} // namespace thrum
