// The mutex as it is: the quiet unlock against the first who has to wait, the contended one, barging, deadlines; and that nothing
// of it is touched after the store that lets the next one in, who may destroy it.
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"

#include <thrum/detail/select_case.h>
#include <thrum/mutex.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>

namespace thrum {

namespace sync {
extern std::uint16_t calm; // mutex.cc
extern env::nanoseconds patience;
} // namespace sync

namespace explore = base::explore;

namespace {

using agent = sched::explored_guest;

// Threads that the runtime knows: the first who waits looks at all of them.
template <int Count> struct known_threads {
  sched::explored_core core;
  std::array<std::optional<agent>, Count> all;

  known_threads() {
    wait::registry::first = nullptr; // a failed execution leaves its own there,
    sync::calm = 1;                  // and here,
    sync::patience = 0;              // and here
    for (auto& each : all) {
      each.emplace(core);
      each->registered_next = wait::registry::first;
      wait::registry::first = &*each;
    }
  }
  ~known_threads() { wait::registry::first = nullptr; }
  void runs_here(int index) { all[static_cast<std::size_t>(index)]->runs_here(); }
};

template <int Threads, int Rounds> struct counter {
  static constexpr int threads = Threads;
  known_threads<Threads> known;
  mutex m;
  explore::plain<int> value;
  void thread(int index) {
    known.runs_here(index);
    for (int i = 0; i < Rounds; ++i) {
      m.lock();
      value.set(value.get() + 1);
      m.unlock();
    }
  }
  void finish() { explore::require(value.get() == Threads * Rounds, "no section is lost"); }
};

// Nobody loses patience: whoever comes by while a waiter is on its way takes it.
template <int Threads, int Rounds> struct patient_counter : counter<Threads, Rounds> {
  patient_counter() { sync::patience = env::forever; }
};

// A fair one: handed over at every unlock that meets a waiter, to one that may give up, too.
template <int Threads, bool OneGivesUp> struct fair_counter {
  static constexpr int threads = Threads;
  known_threads<Threads> known;
  recursive_mutex m{fair};
  explore::plain<int> value;
  void thread(int index) {
    known.runs_here(index);
    if (OneGivesUp && index == Threads - 1) {
      if (!m.try_lock_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(10)))) return;
    } else {
      m.lock();
    }
    value.set(value.get() + 1);
    m.unlock();
  }
  void finish() { explore::require(value.get() >= Threads - OneGivesUp, "no section is lost"); }
};

// A try_lock among those who wait.
struct one_tries {
  static constexpr int threads = 3;
  known_threads<3> known;
  mutex m;
  explore::plain<int> value;
  int done = 0;
  void thread(int index) {
    known.runs_here(index);
    if (index == 2 && !m.try_lock()) return;
    if (index != 2) m.lock();
    value.set(value.get() + 1);
    ++done;
    m.unlock();
  }
  void finish() { explore::require(value.get() == done && done >= 2, "each section counts"); }
};

// A wait that times out takes no wake-up with it.
struct one_gives_up {
  static constexpr int threads = 3;
  known_threads<3> known;
  mutex m;
  explore::plain<int> value;
  void thread(int index) {
    known.runs_here(index);
    if (index == 2) {
      if (!m.try_lock_until(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(10)))) return;
    } else {
      m.lock();
    }
    value.set(value.get() + 1);
    m.unlock();
  }
  void finish() { explore::require(value.get() >= 2, "who waits without a deadline gets it"); }
};

// Who has unlocked it unlocks another one at once: who waits may see that, instead of the end of the first unlock.
template <int Threads> struct unlocks_another {
  static constexpr int threads = Threads;
  known_threads<Threads> known;
  mutex m, other;
  explore::plain<int> value;
  void thread(int index) {
    known.runs_here(index);
    if (index != 2) {
      m.lock();
      value.set(value.get() + 1);
      m.unlock();
    }
    if (index == 1) return;
    other.lock();
    other.unlock();
  }
  void finish() { explore::require(value.get() == 2, "no section is lost"); }
};

// Whoever comes last destroys it at once.
struct last_destroys {
  static constexpr int threads = 2;
  known_threads<2> known;
  struct object {
    mutex m;
    base::guarded<int> users = 2;
  };
  alignas(object) unsigned char memory[sizeof(object)];
  object* made = ::new (static_cast<void*>(memory)) object;
  void thread(int index) {
    known.runs_here(index);
    made->m.lock();
    const bool last = --made->users == 0;
    made->m.unlock();
    if (!last) return;
    std::destroy_at(made);
    explore::object_ends(memory, sizeof memory);
  }
};

// ---- in a select

// A select of as many mutexes. The index of `otherwise`, if there is one: Count. `frame_ends`: the last of its thread, whose frame
// nobody may touch afterwards.
template <std::size_t Count>
std::size_t select_of(std::array<mutex*, Count> from, bool may_wait, bool frame_ends = false) {
  std::array<detail::select_case, Count + 1> cases{};
  std::array<detail::select_case*, Count + 1> all{};
  for (std::size_t i = 0; i < Count; ++i) {
    cases[i].what = detail::select_case::kind::source;
    cases[i].object = from[i];
    cases[i].readiness = detail::mutex_access::hint(*from[i]);
    cases[i].ready_bit = detail::may_be_free_ready;
    cases[i].prepare = &detail::prepare_lock;
  }
  for (std::size_t i = 0; i <= Count; ++i) all[i] = &cases[i];
  const std::size_t chosen = detail::select_cases(all.data(), Count + (may_wait ? 0 : 1), true);
  if (frame_ends) explore::object_ends(cases.data(), sizeof cases);
  return chosen;
}

// One who selects among others who lock; perhaps two.
template <int Threads, int Selecting> struct beside_others {
  static constexpr int threads = Threads;
  known_threads<Threads> known;
  mutex m;
  explore::plain<int> value;
  void thread(int index) {
    known.runs_here(index);
    if (index < Selecting)
      static_cast<void>(select_of<1>({&m}, true, true));
    else
      m.lock();
    value.set(value.get() + 1);
    m.unlock();
  }
  void finish() { explore::require(value.get() == Threads, "no section is lost"); }
};

// One who selects among two, each of which another one holds for a while: one is locked, and the other is free.
struct one_of_two {
  static constexpr int threads = 3;
  known_threads<3> known;
  mutex a, b;
  explore::plain<int> of_a, of_b;
  void thread(int index) {
    known.runs_here(index);
    if (index != 0) {
      mutex& mine = index == 1 ? a : b;
      auto& value = index == 1 ? of_a : of_b;
      mine.lock();
      value.set(value.get() + 1);
      return mine.unlock();
    }
    const bool first = select_of<2>({&a, &b}, true, true) == 0;
    auto& value = first ? of_a : of_b;
    value.set(value.get() + 1);
    (first ? a : b).unlock();
  }
  void finish() {
    explore::require(of_a.get() + of_b.get() == 3, "each section counts");
    explore::require(a.try_lock() && b.try_lock(), "both are free");
    a.unlock();
    b.unlock();
  }
};

// One of two is free all the time: `otherwise` is never right.
struct never_nothing {
  static constexpr int threads = 2;
  known_threads<2> known;
  mutex a, b;
  never_nothing() {
    known.runs_here(0);
    b.lock();
  }
  void thread(int index) {
    known.runs_here(index);
    if (index == 0) {
      b.unlock();
      return a.lock();
    }
    // Before, so that there is something to be put right.
    if (select_of<1>({&b}, false) == 0) b.unlock();
    const std::size_t chosen = select_of<2>({&a, &b}, false);
    explore::require(chosen != 2, "one was free all the time");
    (chosen == 0 ? a : b).unlock();
  }
  void finish() {
    known.runs_here(0);
    a.unlock(); // or it is not destroyed
  }
};

// The same with both contended, as they stay for a while although nobody waits: locking is quiet still, and no fence orders what
// is seen of the two (X4).
template <bool Tries> struct never_nothing_while_contended {
  static constexpr int threads = 2;
  known_threads<2> known;
  mutex a, b;
  bool has_a = true;
  never_nothing_while_contended() {
    sync::calm = 3;
    known.runs_here(0);
    a.lock();
    b.lock();
    known.runs_here(1);
    explore::require(select_of<2>({&a, &b}, false) == 2, "both are held");
    known.runs_here(0);
    a.unlock();
  }
  ~never_nothing_while_contended() { sync::calm = 1; }
  void thread(int index) {
    known.runs_here(index);
    if (index == 0) {
      b.unlock();
      if (Tries)
        has_a = a.try_lock();
      else
        a.lock();
      return;
    }
    const std::size_t chosen = select_of<2>({&a, &b}, false);
    explore::require(chosen != 2, "one was free all the time");
    (chosen == 0 ? a : b).unlock();
  }
  void finish() {
    known.runs_here(0);
    if (has_a) a.unlock(); // or it is not destroyed
  }
};

// Who selects destroys.
struct selector_destroys {
  static constexpr int threads = 2;
  known_threads<2> known;
  struct object {
    mutex m;
    base::guarded<int> users = 2;
  };
  alignas(object) unsigned char memory[sizeof(object)];
  object* made = ::new (static_cast<void*>(memory)) object;
  void thread(int index) {
    known.runs_here(index);
    static_cast<void>(select_of<1>({&made->m}, true));
    const bool last = --made->users == 0;
    made->m.unlock();
    if (!last) return;
    std::destroy_at(made);
    explore::object_ends(memory, sizeof memory);
  }
};

template <int Preemptions, std::uint64_t Budget = 300'000> inline constexpr explore::options bounded{
    .strategy = explore::dfs{.preemptions = Preemptions}, .max_executions = Budget};

} // namespace

TEST(mutex_explore, two_threads_exclude_each_other) {
  explore::expect_correct_with_both_fences<counter<2, 1>>();
  explore::expect_correct_with_both_fences<counter<2, 2>>(bounded<2>);
  explore::expect_correct_with_both_fences<unlocks_another<2>>(bounded<3>);
}
TEST(mutex_explore, three_threads_exclude_each_other) {
  explore::expect_correct_with_both_fences<counter<3, 1>>(bounded<1>);
  explore::expect_correct<counter<3, 2>>(bounded<1, 1'000'000>);
}
TEST(mutex_explore, who_is_on_the_way_is_passed_over) {
  explore::expect_correct_with_both_fences<patient_counter<2, 2>>(bounded<2>);
  explore::expect_correct<patient_counter<3, 1>>(bounded<1>);
  explore::expect_correct<patient_counter<3, 2>>(bounded<1, 1'000'000>);
}
TEST(mutex_explore, a_fair_one_is_handed_over) {
  explore::expect_correct_with_both_fences<fair_counter<2, false>>();
  explore::expect_correct_with_both_fences<fair_counter<2, true>>(bounded<2>);
  explore::expect_correct<fair_counter<3, false>>(bounded<1>);
  explore::expect_correct<fair_counter<3, true>>(bounded<1>);
}
TEST(mutex_explore, a_try_lock_among_waiters_is_harmless) { explore::expect_correct<one_tries>(bounded<1>); }
TEST(mutex_explore, a_wait_that_gives_up_loses_no_wake_up) {
  explore::expect_correct<one_gives_up>(bounded<1>);
}
TEST(mutex_explore, the_last_user_may_destroy_it) {
  explore::expect_correct_with_both_fences<last_destroys>(bounded<3>);
}

TEST(mutex_explore, who_selects_excludes_and_is_excluded) {
  explore::expect_correct_with_both_fences<beside_others<2, 1>>(bounded<3>);
  explore::expect_correct_with_both_fences<beside_others<2, 2>>(bounded<2>);
  explore::expect_correct<beside_others<3, 1>>(bounded<1>);
  explore::expect_correct<beside_others<3, 2>>(bounded<1>);
}
TEST(mutex_explore, one_of_two_is_locked_and_the_other_left) {
  explore::expect_correct_with_both_fences<one_of_two>(bounded<1>);
}
TEST(mutex_explore, a_select_does_not_say_nothing_while_one_is_free) {
  explore::expect_correct_with_both_fences<never_nothing>(bounded<3>);
  explore::expect_correct_with_both_fences<never_nothing_while_contended<false>>(bounded<3>);
  explore::expect_correct_with_both_fences<never_nothing_while_contended<true>>(bounded<3>);
}
TEST(mutex_explore, who_selects_may_destroy_it) {
  explore::expect_correct_with_both_fences<selector_destroys>(bounded<2>);
}

TEST(mutex_explore, every_order_is_needed) {
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<last_destroys>(bounded<2>), explore::scenario_of<unlocks_another<2>>(bounded<2>),
       explore::scenario_of<unlocks_another<3>>(bounded<1>), explore::scenario_of<counter<2, 2>>(bounded<2>),
       explore::scenario_of<counter<3, 1>>(bounded<1>), explore::scenario_of<one_tries>(bounded<1>),
       explore::scenario_of<never_nothing>(bounded<2>),
       explore::scenario_of<never_nothing_while_contended<false>>(bounded<2>),
       explore::scenario_of<never_nothing_while_contended<true>>(bounded<2>),
       explore::scenario_of<beside_others<2, 1>>(bounded<2>)},
      {.files = {"sync/mutex.cc", "thrum/mutex.h"}}));
}

} // namespace thrum
