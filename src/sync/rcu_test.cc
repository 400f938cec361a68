#include "sync/testing.h"

#include <thrum/chan.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/operation.h>
#include <thrum/rcu.h>
#include <thrum/semaphore.h>
#include <thrum/task.h>
#include <thrum/wait_group.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

namespace thrum {
namespace {

using namespace testing;

class rcus : public on_processors {};
INSTANTIATE_TEST_SUITE_P(on, rcus, processor_counts());

// Counts how many of its kind were deleted, and is worth nothing afterwards.
struct noted : rcu_obj_base<noted> {
  explicit noted(std::atomic<int>& count) : deleted(count) {}
  ~noted() {
    value = -1;
    deleted.fetch_add(1);
  }
  std::atomic<int>& deleted;
  int value = 7;
};

static_assert(std::is_nothrow_move_constructible_v<rcu_region> && !std::is_copy_constructible_v<rcu_region>);
static_assert(!std::is_copy_constructible_v<rcu_domain>);

// ---- regions

TEST_P(rcus, what_is_retired_in_a_region_lives_until_the_region_is_closed) {
  run([] {
    std::atomic<int> deleted{0};
    auto* n = new noted(deleted);
    {
      const std::scoped_lock region(rcu_default_domain());
      n->retire();
      for (int i = 0; i < 20; ++i) this_fiber::yield(); // goes on elsewhere, perhaps
      EXPECT_EQ(n->value, 7);
      EXPECT_EQ(deleted, 0);
    }
    rcu_barrier();
    EXPECT_EQ(deleted, 1);
  });
}

TEST_P(rcus, regions_are_nested) {
  run([] {
    for (const bool own : {false, true}) {
      std::optional<rcu_domain> mine;
      rcu_domain& d = own ? mine.emplace() : rcu_default_domain();
      std::atomic<int> deleted{0};
      d.lock();
      {
        const std::unique_lock inner(d, std::try_to_lock);
        EXPECT_TRUE(inner.owns_lock());
        const rcu_region innermost(d);
      }
      (new noted(deleted))->retire({}, d);
      for (int i = 0; i < 20; ++i) this_fiber::yield();
      EXPECT_EQ(deleted, 0);
      d.unlock();
      rcu_barrier(d);
      EXPECT_EQ(deleted, 1);
    }
  });
}

TEST_P(rcus, synchronizing_waits_for_readers_that_park_and_not_for_later_ones) {
  run([] {
    rcu_domain d;
    latch inside(1), out(1);
    std::atomic<bool> over{false};
    auto reader = spawn([&] {
      const std::scoped_lock region(d);
      inside.count_down();
      out.wait();
      over = true;
    });
    inside.wait();
    onlooker watch;
    auto writer = spawn([&] {
      watch.here();
      rcu_synchronize(d);
      EXPECT_TRUE(over);
    });
    watch.wait_until_parked();
    const rcu_region later(d);
    out.count_down();
    writer.join(); // this region is open still
    reader.join();
  });
}

TEST_P(rcus, nobody_delays_another_domain) {
  run([] {
    rcu_domain slow, quick;
    std::atomic<int> deleted{0};
    const rcu_region region(slow);
    (new noted(deleted))->retire({}, quick);
    rcu_synchronize(quick);
    rcu_barrier(quick);
    EXPECT_EQ(deleted, 1);
  });
}

TEST_P(rcus, a_region_that_is_an_object_may_be_closed_by_another) {
  run([] {
    rcu_domain d;
    std::atomic<int> deleted{0};
    rcu_region region(d);
    (new noted(deleted))->retire({}, d);
    latch go_on(1);
    auto other = spawn([&go_on, region = std::move(region)]() mutable {
      go_on.wait();
      std::thread([r = std::move(region)] { EXPECT_TRUE(r.is_open()); }).join();
      EXPECT_FALSE(region.is_open());
    });
    EXPECT_FALSE(region.is_open());
    for (int i = 0; i < 20; ++i) this_fiber::yield();
    EXPECT_EQ(deleted, 0);
    EXPECT_EQ(d.waiting(), 1u);
    go_on.count_down();
    rcu_barrier(d);
    EXPECT_EQ(deleted, 1);
    EXPECT_EQ(d.waiting(), 0u);
    other.join();
    region = rcu_region(d); // assigned to what was moved from
    region = rcu_region(d); // and to what is open
    region.close();
    region.close();
    rcu_synchronize(d);
  });
}

task<int> reads_over_a_wait(rcu_domain& d, const noted* n, binary_semaphore& s) {
  const rcu_region region(d);
  co_await s.async_acquire();
  co_return n->value;
}

TEST_P(rcus, a_coroutine_may_wait_in_a_region) {
  run([] {
    rcu_domain d;
    binary_semaphore s(0);
    std::atomic<int> deleted{0};
    auto* n = new noted(deleted);
    latch begun(1);
    auto reader = spawn([&]() -> task<int> {
      auto inner = reads_over_a_wait(d, n, s);
      begun.count_down();
      co_return co_await std::move(inner);
    });
    begun.wait();
    for (int i = 0; i < 20; ++i) this_fiber::yield();
    s.release();
    EXPECT_EQ(reader.join(), 7);
    n->retire({}, d);
    rcu_barrier(d);
    EXPECT_EQ(deleted, 1);
  });
}

TEST(rcu, is_for_plain_threads_too) {
  std::atomic<int> deleted{0};
  std::atomic<noted*> now{new noted(deleted)};
  in_threads(4, [&](int who) {
    for (int i = 0; i < repetitions(); ++i) {
      const std::scoped_lock region(rcu_default_domain());
      if (who == 0) now.exchange(new noted(deleted))->retire();
      EXPECT_EQ(now.load()->value, 7);
    }
  });
  rcu_synchronize();
  rcu_barrier();
  EXPECT_EQ(deleted, repetitions());
  delete now.load();
}

// More than have a slot of their own (wait/thread_context.h), all in a region at a time.
TEST(rcu, as_many_threads_may_read_as_there_are) {
  constexpr int many = static_cast<int>(wait::own_slots) + 20;
  rcu_domain d;
  std::atomic<int> deleted{0};
  latch inside(many), out(1);
  std::vector<std::thread> all;
  for (int i = 0; i < many; ++i)
    all.emplace_back([&] {
      const rcu_region region(d);
      inside.count_down();
      out.wait();
      EXPECT_EQ(deleted, 0);
    });
  inside.wait();
  (new noted(deleted))->retire({}, d);
  out.count_down();
  rcu_barrier(d);
  EXPECT_EQ(deleted, 1);
  for (auto& t : all) t.join();
}

// ---- under updates

// A sorted list. Readers walk through it without a lock, writers exclude each other.
class number_list {
public:
  explicit number_list(rcu_domain& d) : domain_(d) {}
  ~number_list() {
    for (node* n = first_.load(); n != nullptr;) delete std::exchange(n, n->next.load());
  }
  void toggle(int number) {
    const std::lock_guard hold(writing_);
    std::atomic<node*>* link = &first_;
    node* n;
    while ((n = link->load(std::memory_order_relaxed)) != nullptr && n->number < number) link = &n->next;
    if (n == nullptr || n->number != number) {
      auto* fresh = new node;
      fresh->number = number;
      fresh->negative = -number;
      fresh->next.store(n, std::memory_order_relaxed);
      link->store(fresh, std::memory_order_release);
    } else {
      link->store(n->next.load(std::memory_order_relaxed), std::memory_order_release);
      n->retire({}, domain_);
    }
  }
  // The caller is in a region.
  template <class Pause> void walk(Pause pause) const {
    int before = -1;
    for (const node* n = first_.load(std::memory_order_acquire); n != nullptr;
         n = n->next.load(std::memory_order_acquire)) {
      ASSERT_EQ(n->number, -n->negative); // what was deleted has another number
      ASSERT_GT(n->number, before);
      before = n->number;
      pause();
    }
  }

private:
  struct node : rcu_obj_base<node> {
    ~node() { number = negative = 1; }
    int number = 0, negative = 0;
    std::atomic<node*> next{nullptr};
  };
  rcu_domain& domain_;
  mutex writing_;
  std::atomic<node*> first_{nullptr};
};

void read_and_write(number_list& list, rcu_domain& d, int who, int rounds) {
  dice chance(static_cast<std::uint64_t>(who));
  for (int i = 0; i < rounds; ++i) {
    if (who % 4 == 0) {
      list.toggle(static_cast<int>(chance.roll(12)));
      if (chance.roll(50) == 0) rcu_synchronize(d);
      if (d.waiting() > 200) rcu_barrier(d);
    } else if (chance.roll(2) == 0) {
      const std::scoped_lock region(d);
      list.walk([&] { chance.jitter(); });
    } else {
      const rcu_region region(d);
      list.walk([&] { chance.jitter(); });
    }
  }
}

TEST_P(rcus, readers_of_a_list_under_updates_see_nothing_deleted) {
  run([] {
    rcu_domain d;
    number_list list(d);
    in_fibers(8, [&](int who) { read_and_write(list, d, who, repetitions()); });
  });
}

TEST(rcu, fibers_of_several_runtimes_and_threads_read_a_list_under_updates) {
  rcu_domain d;
  number_list list(d);
  in_everything(3, [&](int who) { read_and_write(list, d, who, repetitions()); });
}

TEST(rcu, the_default_domain_serves_all_at_a_time) {
  number_list list(rcu_default_domain());
  in_everything(3, [&](int who) { read_and_write(list, rcu_default_domain(), who, repetitions()); });
  rcu_barrier();
}

// ---- deleters

TEST_P(rcus, deleters_are_called_in_order) {
  run([] {
    rcu_domain d;
    std::vector<int> called;
    std::array<int, 1'000> objects{};
    for (int i = 0; i < 1'000; ++i)
      rcu_retire(&objects[static_cast<std::size_t>(i)], [&called, i](int*) { called.push_back(i); }, d);
    rcu_barrier(d);
    ASSERT_EQ(called.size(), 1'000u);
    for (int i = 0; i < 1'000; ++i) EXPECT_EQ(called[static_cast<std::size_t>(i)], i);
  });
}

TEST_P(rcus, a_deleter_may_park_retire_and_synchronize) {
  run([] {
    rcu_domain d;
    int object = 0;
    std::atomic<int> called{0};
    binary_semaphore s(0);
    rcu_retire(
        &object,
        [&](int* p) {
          s.acquire();
          const std::scoped_lock region(d);
          rcu_retire(p, [&](int*) { ++called; }, d);
          ++called;
        },
        d);
    rcu_retire(
        &object,
        [&](int*) {
          rcu_synchronize(d);
          ++called;
        },
        d);
    s.release();
    rcu_barrier(d);
    EXPECT_GE(called, 2);
    rcu_barrier(d);
    EXPECT_EQ(called, 3);
  });
}

TEST_P(rcus, an_exception_of_a_deleter_goes_to_the_runtime_and_the_others_are_called) {
  std::atomic<int> failures{0}, called{0};
  runtime r({.processors = GetParam(), .on_unhandled = [&](std::exception_ptr) { ++failures; }});
  r.run([&] {
    rcu_domain d;
    int object = 0;
    for (int i = 0; i < 5; ++i)
      rcu_retire(
          &object,
          [&called, i](int*) {
            if (i == 2) throw std::runtime_error("not deleted");
            ++called;
          },
          d);
    rcu_barrier(d);
  });
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(called, 4);
}

TEST_P(rcus, the_end_of_a_domain_waits_for_deleters) {
  run([] {
    for (int i = 0; i < repetitions() / 10; ++i) {
      std::atomic<int> deleted{0};
      {
        rcu_domain d;
        in_fibers(3, [&](int) {
          const std::scoped_lock region(d);
          (new noted(deleted))->retire({}, d);
        });
      }
      ASSERT_EQ(deleted, 3);
    }
  });
}

TEST_P(rcus, what_was_retired_in_a_runtime_is_deleted_when_it_has_ended) {
  std::atomic<int> deleted{0};
  rcu_domain d;
  run([&] {
    for (int i = 0; i < 100; ++i) (new noted(deleted))->retire({}, d);
  });
  rcu_barrier(d);
  EXPECT_EQ(deleted, 100);
}

// ---- waits that are cancelled

TEST_P(rcus, a_stop_request_ends_the_waits_and_nothing_is_lost) {
  run([] {
    rcu_domain d;
    std::atomic<int> deleted{0};
    std::optional<rcu_region> region(std::in_place, d);
    (new noted(deleted))->retire({}, d);
    for (const bool barrier : {false, true}) {
      onlooker watch;
      auto waits = spawn([&] {
        watch.here();
        barrier ? rcu_barrier(d) : rcu_synchronize(d);
      });
      watch.wait_until_parked();
      waits.request_stop();
      EXPECT_THROW(waits.join(), cancelled);
      auto asked = spawn([&] { // asked before it waits
        while (!this_fiber::stop_requested()) base::relax();
        barrier ? rcu_barrier(d) : rcu_synchronize(d);
      });
      asked.request_stop();
      EXPECT_THROW(asked.join(), cancelled);
    }
    EXPECT_EQ(deleted, 0);
    region.reset();
    rcu_barrier(d);
    EXPECT_EQ(deleted, 1);
  });
}

TEST_P(rcus, stop_requests_and_ends_of_regions_at_the_same_time) {
  run([] {
    rcu_domain d;
    for (int i = 0; i < repetitions() / 4; ++i) {
      dice chance(static_cast<std::uint64_t>(i));
      rcu_region region(d);
      auto one = spawn([&] { rcu_synchronize(d); });
      auto other = spawn([&] { rcu_synchronize(d); });
      chance.jitter();
      auto closes = spawn([r = std::move(region)]() mutable { r.close(); });
      one.request_stop();
      try {
        one.join();
      } catch (const cancelled&) {}
      other.join();
      closes.join();
    }
  });
}

// ---- mistakes

using rcu_deadly = deadly;

TEST_F(rcu_deadly, unlocking_what_one_has_not_locked) {
  EXPECT_DEATH(rcu_default_domain().unlock(), "the caller has no region");
  EXPECT_DEATH(run([] {
                 rcu_domain d;
                 d.unlock();
               }),
               "the caller has no region");
}
TEST_F(rcu_deadly, waiting_in_a_region_for_oneself) {
  EXPECT_DEATH(run([] {
                 const std::scoped_lock region(rcu_default_domain());
                 rcu_synchronize();
               }),
               "rcu_synchronize in a region of the same domain");
  EXPECT_DEATH(run([] {
                 rcu_domain d;
                 const std::scoped_lock region(d);
                 rcu_barrier(d);
               }),
               "rcu_barrier in a region of the same domain");
}
TEST_F(rcu_deadly, waiting_in_a_deleter_for_it) {
  EXPECT_DEATH(run([] {
                 int object = 0;
                 rcu_retire(&object, [](int*) { rcu_barrier(); });
                 rcu_barrier();
               }),
               "rcu_barrier in a deleter");
}
TEST_F(rcu_deadly, retiring_twice) {
  EXPECT_DEATH(run([] {
                 std::atomic<int> deleted{0};
                 noted n(deleted);
                 const rcu_region region;
                 n.retire();
                 n.retire();
               }),
               "retired already");
}
TEST_F(rcu_deadly, ending_in_a_region) {
  EXPECT_DEATH(run([] { rcu_default_domain().lock(); }), "a fiber ended in a region");
  EXPECT_DEATH(run([] {
                 rcu_domain d;
                 spawn([&] { d.lock(); }).join();
               }),
               "ends in a region");
  EXPECT_DEATH(std::thread([] { rcu_default_domain().lock(); }).join(), "a thread ended in a region");
}
TEST_F(rcu_deadly, destroying_a_domain_with_an_open_region) {
  EXPECT_DEATH(run([] {
                 std::optional<rcu_domain> d(std::in_place);
                 const rcu_region region(*d);
                 d.reset();
               }),
               "destroyed while a region is open");
}

} // namespace
} // namespace thrum
