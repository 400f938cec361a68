// Data races on plain variables, and races on the life of an atomic. Each with a model that has the fault and
// one, as close as possible, that has not.
#include "base/explore/expect.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <new>

namespace explore = thrum::base::explore;
using explore::expect_clean;
using explore::expect_fault;
using thrum::base::atomic;
using thrum::base::heavy_fence;
using thrum::base::light_fence;
using thrum::base::relax;
using thrum::base::thread_fence;

namespace {

using enum std::memory_order;

template <std::memory_order Store, std::memory_order Load> struct hand_over {
  static constexpr int threads = 2;
  atomic<bool> ready{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      data.set(7);
      ready.store(true, Store);
    } else if (ready.load(Load)) {
      explore::require(data.get() == 7, "the data are there");
    }
  }
};

struct two_writers {
  static constexpr int threads = 2;
  explore::plain<int> data;
  void thread(int index) { data.set(index); }
};

template <std::memory_order Done> struct write_after_read {
  static constexpr int threads = 2;
  atomic<bool> done{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      (void)data.get();
      done.store(true, Done);
    } else if (done.load(acquire)) {
      data.set(1);
    }
  }
};

struct readers_only {
  static constexpr int threads = 3;
  explore::plain<int> data{5};
  void thread(int) { explore::require(data.get() == 5, "what setup wrote"); }
  void finish() { data.set(6); }
};

// The order of two seq_cst fences decides what atomics show; alone it does not make plain data safe. Here the
// reader goes on only if its fence is the later one, and still nothing happens before its read: the load of
// `go` comes after the fence.
template <bool FenceAfterLoad> struct fences_are_no_hand_over {
  static constexpr int threads = 2;
  atomic<bool> late{false}, go{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      data.set(1);
      thread_fence(seq_cst);
      if (!late.load(relaxed)) go.store(true, relaxed);
    } else {
      late.store(true, relaxed);
      thread_fence(seq_cst);
      const bool read = go.load(relaxed);
      if (FenceAfterLoad) thread_fence(acquire);
      if (read) (void)data.get();
    }
  }
};

template <bool First, bool Second> struct hand_over_between_asymmetric_fences {
  static constexpr int threads = 2;
  atomic<bool> flag{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      data.set(1);
      if (First) light_fence();
      flag.store(true, relaxed);
    } else if (flag.load(relaxed)) {
      if (Second) heavy_fence();
      (void)data.get();
    }
  }
};

struct hand_over_from_heavy_to_light {
  static constexpr int threads = 2;
  atomic<bool> flag{false};
  explore::plain<int> data;
  void thread(int index) {
    if (index == 0) {
      data.set(1);
      heavy_fence();
      flag.store(true, relaxed);
    } else if (flag.load(relaxed)) {
      light_fence();
      (void)data.get();
    }
  }
};

} // namespace

TEST(races, a_data_race_is_found_when_either_half_of_the_hand_over_is_missing) {
  expect_clean<hand_over<release, acquire>>();
  expect_fault<hand_over<relaxed, acquire>>("data race");
  expect_fault<hand_over<release, relaxed>>("data race");
  expect_fault<two_writers>("data race");
}

TEST(races, a_write_races_with_an_earlier_read_that_is_not_ordered) {
  expect_clean<write_after_read<release>>();
  expect_fault<write_after_read<relaxed>>("data race");
}

TEST(races, readers_do_not_race_and_finish_comes_after_all_of_them) { expect_clean<readers_only>(); }

TEST(races, the_order_of_seq_cst_fences_alone_does_not_protect_plain_data) {
  expect_fault<fences_are_no_hand_over<false>>("data race");
  expect_clean<fences_are_no_hand_over<true>>();
}

TEST(races, a_light_and_a_heavy_fence_together_hand_over_plain_data) {
  expect_clean<hand_over_between_asymmetric_fences<true, true>>();
  expect_clean<hand_over_between_asymmetric_fences<true, true>>({.fences = explore::asymmetric_fences::full});
  expect_clean<hand_over_from_heavy_to_light>();
  expect_fault<hand_over_between_asymmetric_fences<false, true>>("data race");
  expect_fault<hand_over_between_asymmetric_fences<true, false>>("data race");
}

namespace {

// An object whose last user destroys it. The other's last access must be ordered before that.
template <std::memory_order Leave> struct last_one_out {
  static constexpr int threads = 2;
  struct object {
    atomic<int> users{2};
    atomic<int> value{0};
  };
  std::unique_ptr<object> shared = std::make_unique<object>();
  void thread(int) {
    object* mine = shared.get();
    mine->value.fetch_add(1, relaxed);
    if (mine->users.fetch_sub(1, Leave) == 1) shared.reset();
  }
};

struct unlocks_what_is_gone { // the waiter destroys the flag as soon as it is set, and the setter looks again
  static constexpr int threads = 2;
  alignas(atomic<int>) unsigned char storage[sizeof(atomic<int>)];
  atomic<int>* flag = new (storage) atomic<int>(0);
  ~unlocks_what_is_gone() {}
  void thread(int index) {
    if (index == 0) {
      flag->store(1, release);
      (void)flag->load(relaxed);
    } else {
      while (flag->load(acquire) == 0) relax();
      flag->~atomic();
    }
  }
};

template <std::memory_order Publish> struct publishes_an_atomic {
  static constexpr int threads = 2;
  alignas(atomic<int>) unsigned char storage[sizeof(atomic<int>)];
  atomic<atomic<int>*> pointer{nullptr};
  void thread(int index) {
    if (index == 0)
      pointer.store(new (storage) atomic<int>(3), Publish);
    else if (atomic<int>* it = pointer.load(acquire))
      explore::require(it->load(relaxed) == 3, "it has been constructed");
  }
};

} // namespace

TEST(races, a_destruction_must_come_after_every_access) {
  expect_clean<last_one_out<acq_rel>>();
  expect_fault<last_one_out<relaxed>>("destroyed while another thread's access");
  expect_fault<unlocks_what_is_gone>("destroyed");
}

TEST(races, an_atomic_must_be_published_before_it_is_used) {
  expect_clean<publishes_an_atomic<release>>();
  expect_fault<publishes_an_atomic<relaxed>>("has been constructed");
}
