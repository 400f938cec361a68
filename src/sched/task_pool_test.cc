#include "sched/task_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <thrum/detail/task.h>
#include <thrum/runtime.h>
#include <unistd.h>
#include <vector>

namespace thrum::sched {
namespace {

env::world& world() { return env::linux_world(); }

// A list of objects, as a processor keeps one.
struct chain {
  free_object* first = nullptr;
  std::size_t length() const {
    std::size_t n = 0;
    for (const free_object* o = first; o != nullptr; o = o->next) ++n;
    return n;
  }
  std::vector<free_object*> all() const {
    std::vector<free_object*> v;
    for (free_object* o = first; o != nullptr; o = o->next) v.push_back(o);
    return v;
  }
};

// Asks the kernel, which answers EFAULT where a program would die.
bool is_mapped(const void* address) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const bool mapped = ::write(ends[1], address, 1) == 1;
  ::close(ends[0]);
  ::close(ends[1]);
  return mapped;
}

TEST(task_pool, objects_are_apart_aligned_and_as_large_as_their_class) {
  task_pool pool(world());
  for (unsigned c = 0; c < task_classes; ++c) {
    chain list;
    ASSERT_EQ(pool.refill(c, &list.first, 3'000), 3'000u); // more than a slab
    const std::vector<free_object*> all = list.all();
    ASSERT_EQ(all.size(), 3'000u);
    std::set<std::uintptr_t> starts;
    for (free_object* o : all) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(o) % 64, 0u);
      starts.insert(reinterpret_cast<std::uintptr_t>(o));
    }
    ASSERT_EQ(starts.size(), all.size());
    std::uintptr_t before = 0;
    for (const std::uintptr_t s : starts) {
      if (before != 0) { EXPECT_GE(s - before, task_class_bytes(c)); }
      before = s;
    }
    for (free_object* o : all) std::memset(static_cast<void*>(o), 0xee, task_class_bytes(c));
    list.first = nullptr;
    for (free_object* o : all) {
      o->next = list.first;
      list.first = o;
    }
    pool.spill(c, &list.first, 3'000);
    EXPECT_EQ(list.first, nullptr);
  }
  while (pool.trim()) {}
}

TEST(task_pool, classes_hold_what_they_say) {
  EXPECT_EQ(task_class_bytes(task_class(1)), 64u);
  EXPECT_EQ(task_class_bytes(task_class(64)), 64u);
  EXPECT_EQ(task_class_bytes(task_class(65)), 128u);
  EXPECT_EQ(task_class_bytes(task_class(128)), 128u);
  EXPECT_EQ(task_class_bytes(task_class(129)), 192u);
  EXPECT_EQ(task_class_bytes(task_class(192)), 192u);
  EXPECT_EQ(task_class_bytes(task_class(193)), 256u);
  EXPECT_EQ(task_class_bytes(task_class(largest_pooled_task)), 256u);
}

TEST(task_pool, a_burst_walks_forward_through_memory) {
  task_pool pool(world());
  chain list;
  ASSERT_EQ(pool.refill(0, &list.first, 100), 100u);
  const std::vector<free_object*> all = list.all();
  for (std::size_t i = 1; i < all.size(); ++i)
    EXPECT_EQ(reinterpret_cast<char*>(all[i]) - reinterpret_cast<char*>(all[i - 1]), 64);
  pool.spill(0, &list.first, 100);
}

TEST(task_pool, what_was_in_the_list_stays_behind_what_is_added) {
  task_pool pool(world());
  chain list;
  pool.refill(0, &list.first, 5);
  const std::vector<free_object*> first = list.all();
  pool.refill(0, &list.first, 5);
  const std::vector<free_object*> both = list.all();
  ASSERT_EQ(both.size(), 10u);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), both.begin() + 5));
  pool.spill(0, &list.first, 4);
  EXPECT_EQ(list.length(), 6u);
  EXPECT_EQ(list.first, both[4]);
  pool.spill(0, &list.first, 6);
}

TEST(task_pool, memory_is_used_again_before_more_is_asked_for) {
  task_pool pool(world());
  std::set<free_object*> seen;
  for (int round = 0; round < 200; ++round) {
    chain list;
    ASSERT_EQ(pool.refill(1, &list.first, 128), 128u);
    for (free_object* o : list.all()) seen.insert(o);
    pool.spill(1, &list.first, 128);
  }
  EXPECT_LE(seen.size(), 1'024u) << "one slab of 64 KiB would have done";
}

TEST(task_pool, trim_gives_all_idle_slabs_back_but_one) {
  task_pool pool(world());
  chain list;
  constexpr unsigned many = 20'000; // some twenty slabs
  ASSERT_EQ(pool.refill(0, &list.first, many), many);
  const std::vector<free_object*> all = list.all();
  while (pool.trim()) {}
  for (const free_object* o : all) ASSERT_TRUE(is_mapped(o)) << "a slab in use was given back";
  pool.spill(0, &list.first, many);
  while (pool.trim()) {}
  std::set<std::uintptr_t> left;
  for (const free_object* o : all)
    if (is_mapped(o)) left.insert(reinterpret_cast<std::uintptr_t>(o) & ~std::uintptr_t{0xffff});
  EXPECT_EQ(left.size(), 1u);
  EXPECT_FALSE(pool.trim());
  ASSERT_EQ(pool.refill(0, &list.first, many), many);
  pool.spill(0, &list.first, many);
}

TEST(task_pool, a_slab_with_one_object_in_use_is_kept) {
  task_pool pool(world());
  chain list;
  constexpr unsigned many = 5'000;
  ASSERT_EQ(pool.refill(0, &list.first, many), many);
  std::vector<free_object*> kept;
  chain rest;
  std::set<std::uintptr_t> slabs;
  for (free_object* o : list.all()) {
    if (slabs.insert(reinterpret_cast<std::uintptr_t>(o) & ~std::uintptr_t{0xffff}).second) {
      kept.push_back(o);
    } else {
      o->next = rest.first;
      rest.first = o;
    }
  }
  pool.spill(0, &rest.first, many - static_cast<unsigned>(kept.size()));
  while (pool.trim()) {}
  for (free_object* o : kept) ASSERT_TRUE(is_mapped(o));
  for (free_object* o : kept) {
    free_object* one = o;
    one->next = nullptr;
    pool.spill(0, &one, 1);
  }
  while (pool.trim()) {}
}

std::atomic<int> granted{0};

TEST(task_pool, without_memory_gives_what_it_has) {
  task_pool pool(world());
  granted = 1;
  world().fault = [](env::fault_site s) noexcept {
    return s == env::fault_site::map_memory && granted.fetch_sub(1) <= 0;
  };
  chain list;
  const unsigned got = pool.refill(2, &list.first, 10'000);
  EXPECT_GT(got, 100u);
  EXPECT_LT(got, 10'000u);
  EXPECT_EQ(list.length(), got);
  EXPECT_EQ(pool.refill(2, &list.first, 1), 0u);
  EXPECT_EQ(pool.refill(0, &list.first, 1), 0u);
  world().fault = nullptr;
  EXPECT_EQ(list.length(), got);
  pool.spill(2, &list.first, got);
  EXPECT_EQ(pool.refill(2, &list.first, 10), 10u);
  pool.spill(2, &list.first, 10);
}

TEST(task_pool, threads_never_share_an_object) {
  task_pool pool(world());
  std::atomic<int> mix_ups{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 300; ++round) {
        const unsigned c = static_cast<unsigned>(round) % task_classes;
        chain list;
        const unsigned n = pool.refill(c, &list.first, 100);
        for (free_object* o : list.all()) reinterpret_cast<std::uint64_t*>(o)[1] = t;
        for (free_object* o : list.all())
          if (reinterpret_cast<std::uint64_t*>(o)[1] != t) ++mix_ups;
        pool.spill(c, &list.first, n);
        if (round % 16 == 0) static_cast<void>(pool.trim());
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(mix_ups, 0);
}

// A thread keeps a few objects at hand; they are the pool's again when it has ended.
TEST(task_pool, what_a_worker_has_at_hand_goes_back_with_it) {
  void* at_hand = nullptr;
  run(
      [&] {
        at_hand = detail::allocate_task(200);
        detail::free_task(at_hand, 200);
        void* again = detail::allocate_task(200);
        EXPECT_EQ(again, at_hand);
        detail::free_task(again, 200);
      },
      {.processors = 1});
  constexpr unsigned all_and_more = 20'000; // whatever slabs there are, no object stays behind
  chain list;
  ASSERT_EQ(shared_task_pool().refill(task_class(200), &list.first, all_and_more), all_and_more);
  const std::vector<free_object*> all = list.all();
  EXPECT_NE(std::find(all.begin(), all.end(), at_hand), all.end());
  shared_task_pool().spill(task_class(200), &list.first, all_and_more);
  while (shared_task_pool().trim()) {}
}

} // namespace
} // namespace thrum::sched
