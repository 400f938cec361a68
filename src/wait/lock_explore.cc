// The biased guard against everything at once: an owner in its section, one that is just entering, one that was
// descheduled between reading its bias and raising its flag, revokers, and a second grant to another thread.
#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "wait/lock.h"

#include <array>
#include <memory>
#include <new>

namespace explore = thrum::base::explore;
using explore::strength;
using thrum::wait::lock;
using thrum::wait::thread_context;

namespace {

// A guard that thread 0 has taken so often that it is biased to it, and what it guards.
struct guarded_counter {
  std::array<thread_context, 3> contexts;
  lock guard;
  explore::plain<int> value;

  guarded_counter() {
    lock::release(guard.acquire(contexts[0])); // a candidate
    lock::release(
        guard.acquire(contexts[0])); // biased: under the explorer the second time in a row is enough
    explore::require(guard.bias_for_test() == reinterpret_cast<std::uintptr_t>(&contexts[0]), "biased to T0");
  }
  void add(int index) {
    const lock::held held = guard.acquire(contexts[static_cast<std::size_t>(index)]);
    value.set(value.get() + 1);
    lock::release(held);
  }
};

// The owner enters twice while another thread revokes.
struct owner_and_revoker {
  static constexpr int threads = 2;
  guarded_counter all;
  void thread(int index) {
    all.add(index);
    if (index == 0) all.add(index);
  }
  void finish() { explore::require(all.value.get() == 3, "no section is lost"); }
};

// The same by two who come seldom, and give nobody a bias.
struct owner_and_who_comes_seldom {
  static constexpr int threads = 2;
  guarded_counter all;
  void thread(int index) {
    all.add(index);
    if (index == 0) return;
    const lock::held held = all.guard.acquire_seldom(all.contexts[static_cast<std::size_t>(index)]);
    all.value.set(all.value.get() + 1);
    lock::release(held);
  }
  void finish() { explore::require(all.value.get() == 3, "no section is lost"); }
};
struct who_come_seldom {
  static constexpr int threads = 2;
  guarded_counter all;
  void thread(int index) {
    const lock::held held = all.guard.acquire_seldom(all.contexts[static_cast<std::size_t>(index)]);
    all.value.set(all.value.get() + 1);
    lock::release(held);
  }
  void finish() {
    explore::require(all.value.get() == 2, "no section is lost");
    explore::require(all.guard.bias_for_test() == 0, "nobody has a bias any more");
  }
};

// The revoker comes back, becomes the next owner (grant 1), and the first owner may still be on its way with a bias that it
// read long ago.
struct second_grant {
  static constexpr int threads = 2;
  guarded_counter all;
  void thread(int index) {
    if (index == 0) {
      all.add(0);
    } else {
      for (int i = 0; i < 4; ++i) all.add(1); // revokes; candidate; granted; enters by the bias
    }
  }
  void finish() { explore::require(all.value.get() == 5, "no section is lost"); }
};

// The same, and the first owner takes the second one's bias away again.
struct grants_go_round {
  static constexpr int threads = 2;
  guarded_counter all;
  void thread(int index) {
    if (index == 0) {
      all.add(0);
      all.add(0);
    } else {
      for (int i = 0; i < 4; ++i) all.add(1);
    }
  }
  void finish() { explore::require(all.value.get() == 6, "no section is lost"); }
};

struct owner_and_two_revokers {
  static constexpr int threads = 3;
  guarded_counter all;
  void thread(int index) { all.add(index); }
  void finish() { explore::require(all.value.get() == 3, "no section is lost"); }
};

// The same bias twice: a thread that gets its bias back has another flag (B2).
struct owner_again {
  static constexpr int threads = 2;
  guarded_counter all;
  void thread(int index) {
    if (index == 0) {
      for (int i = 0; i < 4; ++i)
        all.add(0); // by the bias or by word_; candidate, granted again, by the new bias
    } else {
      all.add(1);
    }
  }
  void finish() { explore::require(all.value.get() == 5, "no section is lost"); }
};

// Who has seen by another way that the last section has begun may free everything when the guard is free.
template <int Finisher> struct freed_by_who_saw_the_end {
  static constexpr int threads = 2;
  struct object {
    guarded_counter all;
    thrum::base::atomic<bool> ended{false};
  };
  alignas(object) unsigned char memory[sizeof(object)];
  object* made = ::new (static_cast<void*>(memory)) object;

  void thread(int index) {
    if (index == Finisher) {
      const lock::held held = made->all.guard.acquire(made->all.contexts[static_cast<std::size_t>(index)]);
      made->all.value.set(made->all.value.get() + 1);
      made->ended.store(true, std::memory_order_release);
      lock::release(held);
    } else if (made->ended.load(std::memory_order_acquire)) {
      made->all.guard.wait_until_free();
      object* gone = made;
      std::destroy_at(gone);
      explore::object_ends(gone, sizeof *gone);
    }
  }
};

} // namespace

TEST(lock_explore, an_owner_and_a_revoker_exclude_each_other) {
  explore::expect_correct_with_both_fences<owner_and_revoker>();
}
TEST(lock_explore, who_comes_seldom_revokes_and_gets_no_bias) {
  explore::expect_correct_with_both_fences<owner_and_who_comes_seldom>();
  explore::expect_correct_with_both_fences<who_come_seldom>();
}
TEST(lock_explore, a_bias_may_move_to_the_revoker) {
  explore::expect_correct_with_both_fences<second_grant>({.strategy = explore::dfs{.preemptions = 2}});
}
TEST(lock_explore, a_bias_may_be_taken_back) {
  explore::expect_correct_with_both_fences<grants_go_round>({.strategy = explore::dfs{.preemptions = 2}});
}
TEST(lock_explore, two_revokers_may_come_at_once) {
  explore::expect_correct_with_both_fences<owner_and_two_revokers>(
      {.strategy = explore::dfs{.preemptions = 2}});
}
TEST(lock_explore, an_owner_may_get_its_bias_back) {
  explore::expect_correct_with_both_fences<owner_again>({.strategy = explore::dfs{.preemptions = 2}});
}
TEST(lock_explore, who_saw_the_end_may_free_the_guard_when_it_is_free) {
  explore::expect_correct_with_both_fences<freed_by_who_saw_the_end<0>>();
  explore::expect_correct_with_both_fences<freed_by_who_saw_the_end<1>>();
}

TEST(lock_explore, every_order_is_needed) {
  constexpr explore::options full{.fences = explore::asymmetric_fences::full};
  explore::expect_no_survivor(explore::mutation_gate(
      {explore::scenario_of<owner_and_revoker>(), explore::scenario_of<who_come_seldom>(),
       explore::scenario_of<second_grant>({.strategy = explore::dfs{.preemptions = 1}}),
       explore::scenario_of<freed_by_who_saw_the_end<0>>(),
       explore::scenario_of<freed_by_who_saw_the_end<1>>(), explore::scenario_of<owner_and_revoker>(full)},
      {.files = {"wait/lock.h"}}));
}
