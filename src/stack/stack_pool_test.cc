#include "stack/stack_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace thrum::stack {
namespace {

env::world& world() { return env::linux_world(); }

char* lowest(const stack_ref& s) { return s.base() + s.guard_bytes(); }
std::size_t usable(const stack_ref& s) { return static_cast<std::size_t>(s.top() - lowest(s)); }

// Asks the kernel, which answers EFAULT where a program would die.
bool is_readable(const char* address) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const bool readable = ::write(ends[1], address, 1) == 1;
  ::close(ends[0]);
  ::close(ends[1]);
  return readable;
}

std::size_t committed_pages(const stack_ref& s) {
  std::vector<unsigned char> pages(usable(s) / page_bytes);
  if (::mincore(lowest(s), usable(s), pages.data()) != 0) return 0;
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
}

void touch_all(const stack_ref& s) { std::memset(lowest(s), 0x5a, usable(s)); }

// Trims until nothing is due at `now`.
void trim_all(stack_pool& pool, env::nanoseconds now) {
  while (pool.trim(now) <= now) {}
}

// Lets the real world refuse something for the life of the object.
std::atomic<int> refusals{0};
env::fault_site refused_site;
struct refuse {
  refuse(env::fault_site site, int times) {
    refused_site = site;
    refusals = times;
    world().fault = [](env::fault_site s) noexcept {
      return s == refused_site && refusals.load() > 0 && refusals.fetch_sub(1) > 0;
    };
  }
  ~refuse() { world().fault = nullptr; }
};

TEST(stack_pool, the_smallest_class_that_has_room_is_chosen) {
  stack_pool pool(world());
  for (const std::size_t bytes : {1uz, 4096uz, 48uz << 10, (48uz << 10) + 1, 92uz << 10, (92uz << 10) + 1,
                                  1uz << 20, 64uz << 20, 512uz << 20}) {
    const unsigned size_class = stack_pool::class_for(bytes);
    const stack_ref s = pool.take(size_class);
    ASSERT_TRUE(s);
    EXPECT_EQ(s.size_class(), size_class);
    EXPECT_GE(usable(s), bytes);
    if (size_class != 0) {
      const stack_ref smaller = pool.take(size_class - 1);
      ASSERT_TRUE(smaller);
      EXPECT_LT(usable(smaller), bytes) << "a smaller stack would do";
      pool.give(smaller);
    }
    pool.give(s);
  }
}

TEST(stack_pool, the_default_class_is_the_default_size) {
  stack_pool pool(world());
  const stack_ref s = pool.take(stack_pool::default_class);
  EXPECT_EQ(static_cast<std::size_t>(s.top() - s.base()), default_slot_bytes);
  pool.give(s);
}

TEST(stack_pool, every_byte_of_a_stack_is_usable_and_belongs_to_it_alone) {
  stack_pool pool(world());
  std::vector<stack_ref> all;
  for (int i = 0; i < 600; ++i) { // more than a slab
    all.push_back(pool.take(stack_pool::default_class));
    ASSERT_TRUE(all.back());
    std::memset(lowest(all.back()), i & 0xff, usable(all.back()));
  }
  for (int i = 0; i < 600; ++i) {
    const char* p = lowest(all[static_cast<std::size_t>(i)]);
    const char want = static_cast<char>(i & 0xff);
    EXPECT_TRUE(
        std::all_of(p, p + usable(all[static_cast<std::size_t>(i)]), [&](char c) { return c == want; }))
        << "stack " << i << " was written to by another";
  }
  pool.give(all.data(), all.size());
}

TEST(stack_pool, what_lies_below_a_stack_cannot_be_touched) {
  stack_pool pool(world());
  for (unsigned size_class = 0; size_class < 6; ++size_class) {
    const stack_ref s = pool.take(size_class);
    ASSERT_TRUE(s);
    ASSERT_NE(s.guard(), env::guard_kind::none);
    EXPECT_TRUE(is_readable(lowest(s)));
    EXPECT_TRUE(is_readable(s.top() - 1));
    EXPECT_FALSE(is_readable(lowest(s) - 1));
    EXPECT_FALSE(is_readable(s.base() + s.guard_bytes() / 2));
    EXPECT_FALSE(is_readable(s.base()));
    pool.give(s);
  }
}

TEST(stack_pool, a_guard_survives_reuse_and_trimming) {
  stack_pool pool(world());
  const stack_ref keeps_the_slab = pool.take(stack_pool::default_class);
  const stack_ref s = pool.take(stack_pool::default_class);
  touch_all(s);
  pool.give(s);
  trim_all(pool, 1);
  trim_all(pool, 1 + idle_before_trim);
  const stack_ref again = pool.take(stack_pool::default_class);
  EXPECT_EQ(again.base(), s.base());
  EXPECT_FALSE(is_readable(lowest(again) - 1));
  EXPECT_TRUE(is_readable(lowest(again)));
  pool.give(again);
  pool.give(keeps_the_slab);
}

TEST(stack_pool, an_old_kernel_gets_protected_pages) {
  const refuse no_markers(env::fault_site::guard, 1);
  stack_pool pool(world());
  const stack_ref s = pool.take(stack_pool::default_class);
  ASSERT_TRUE(s);
  EXPECT_EQ(s.guard(), env::guard_kind::protection);
  EXPECT_FALSE(is_readable(lowest(s) - 1));
  EXPECT_FALSE(is_readable(s.base()));
  touch_all(s);
  pool.give(s);
}

TEST(stack_pool, the_stack_freed_last_is_taken_first) {
  stack_pool pool(world());
  const stack_ref a = pool.take(stack_pool::default_class);
  const stack_ref b = pool.take(stack_pool::default_class);
  pool.give(a);
  pool.give(b);
  EXPECT_EQ(pool.take(stack_pool::default_class).base(), b.base());
  EXPECT_EQ(pool.take(stack_pool::default_class).base(), a.base());
  pool.give(a);
  pool.give(b);
}

TEST(stack_pool, counts_what_is_in_use_and_visits_exactly_that) {
  stack_pool pool(world());
  std::vector<stack_ref> all;
  for (unsigned i = 0; i < 700; ++i) all.push_back(pool.take(i % 3));
  EXPECT_EQ(pool.in_use(), 700u);
  std::set<char*> expected;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i % 2 == 0)
      expected.insert(all[i].base());
    else
      pool.give(all[i]);
  EXPECT_EQ(pool.in_use(), 350u);
  std::set<char*> visited;
  std::size_t visits = 0;
  pool.for_each_in_use([&](stack_ref s) {
    visited.insert(s.base());
    ++visits;
  });
  EXPECT_EQ(visited, expected);
  EXPECT_EQ(visits, expected.size());
  for (std::size_t i = 0; i < all.size(); i += 2) pool.give(all[i]);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(stack_pool, a_slab_that_is_all_idle_goes_back_after_its_time) {
  stack_pool pool(world());
  EXPECT_EQ(pool.mapped_bytes(), 0u);
  const stack_ref s = pool.take(stack_pool::default_class);
  touch_all(s);
  EXPECT_GT(pool.mapped_bytes(), 0u);
  EXPECT_EQ(pool.trim(1'000), env::forever) << "a stack in use is not idle";
  pool.give(s);
  EXPECT_EQ(pool.trim(2'000), 2'000 + idle_before_trim) << "the time begins when it is first seen idle";
  EXPECT_EQ(pool.trim(2'000 + idle_before_trim - 1), 2'000 + idle_before_trim);
  EXPECT_GT(pool.mapped_bytes(), 0u);
  EXPECT_EQ(pool.trim(2'000 + idle_before_trim), env::forever);
  EXPECT_EQ(pool.mapped_bytes(), 0u);
}

TEST(stack_pool, use_begins_the_idle_time_anew) {
  stack_pool pool(world());
  const stack_ref s = pool.take(stack_pool::default_class);
  touch_all(s);
  pool.give(s);
  EXPECT_EQ(pool.trim(1'000), 1'000 + idle_before_trim);
  pool.give(pool.take(stack_pool::default_class));
  EXPECT_EQ(pool.trim(1'000 + idle_before_trim), 1'000 + 2 * idle_before_trim);
  EXPECT_GT(pool.mapped_bytes(), 0u);
}

TEST(stack_pool, idle_stacks_beside_one_in_use_lose_their_pages_only) {
  stack_pool pool(world());
  const stack_ref used = pool.take(stack_pool::default_class);
  const stack_ref idle = pool.take(stack_pool::default_class);
  touch_all(used);
  touch_all(idle);
  EXPECT_EQ(committed_pages(idle), usable(idle) / page_bytes);
  pool.give(idle);
  trim_all(pool, 1);
  EXPECT_EQ(committed_pages(idle), usable(idle) / page_bytes) << "too early";
  trim_all(pool, 1 + idle_before_trim);
  EXPECT_EQ(committed_pages(idle), 0u);
  EXPECT_EQ(committed_pages(used), usable(used) / page_bytes);
  EXPECT_TRUE(std::all_of(lowest(used), used.top(), [](char c) { return c == 0x5a; }));
  const stack_ref again = pool.take(stack_pool::default_class);
  EXPECT_EQ(again.base(), idle.base());
  touch_all(again);
  pool.give(again);
  pool.give(used);
}

TEST(stack_pool, a_call_of_trim_does_a_bounded_piece_of_work) {
  stack_pool pool(world());
  std::vector<stack_ref> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(pool.take(stack_pool::default_class));
    *(all.back().top() - 1) = 1;
  }
  for (std::size_t i = 1; i < all.size(); ++i) pool.give(all[i]); // one keeps the slab
  EXPECT_EQ(pool.trim(1), 1 + idle_before_trim);
  const env::nanoseconds due = 1 + idle_before_trim;
  std::size_t calls = 1;
  while (pool.trim(due) <= due) ++calls;
  EXPECT_GE(calls, 3u);
  EXPECT_LE(calls, 5u);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(committed_pages(all[i]), 0u) << i;
  pool.give(all[0]);
}

TEST(stack_pool, several_new_stacks_lie_side_by_side_each_with_its_guard) {
  stack_pool pool(world());
  stack_ref all[40];
  ASSERT_EQ(pool.take(stack_pool::default_class, all, 40, 40), 40u);
  EXPECT_EQ(pool.in_use(), 40u);
  for (unsigned i = 0; i < 40; ++i) {
    EXPECT_EQ(all[i].base(), all[0].base() + i * default_slot_bytes);
    EXPECT_LE(committed_pages(all[i]), 1u) << "only the top page may be committed";
    EXPECT_FALSE(is_readable(all[i].base()));
    EXPECT_FALSE(is_readable(lowest(all[i]) - 1));
    EXPECT_TRUE(is_readable(lowest(all[i])));
    touch_all(all[i]);
  }
  pool.give(all, 40);
}

TEST(stack_pool, stacks_without_memory_are_counted_against_their_limit) {
  stack_pool pool(world());
  stack_ref all[64];
  EXPECT_EQ(pool.take(stack_pool::default_class, all, 32, 4), 4u) << "new ones";
  for (unsigned i = 0; i < 4; ++i) touch_all(all[i]);
  pool.give(all, 4);
  EXPECT_EQ(pool.take(stack_pool::default_class, all, 32, 4), 8u) << "the four that are warm, and four more";
  const stack_ref keeps_the_slab = all[7];
  pool.give(all, 7);
  trim_all(pool, 1);
  trim_all(pool, 1 + idle_before_trim);
  EXPECT_EQ(pool.take(stack_pool::default_class, all, 32, 3), 3u) << "those whose memory was taken back";
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_FALSE(is_readable(lowest(all[i]) - 1));
    touch_all(all[i]);
  }
  pool.give(all, 3);
  pool.give(keeps_the_slab);
}

TEST(stack_pool, one_slab_gives_what_it_has) {
  stack_pool pool(world());
  std::vector<stack_ref> all;
  std::set<char*> bases;
  while (all.size() < 600) {
    stack_ref some[64];
    const unsigned n = pool.take(stack_pool::default_class, some, 64, 64);
    ASSERT_GE(n, 1u);
    for (unsigned i = 0; i < n; ++i) {
      EXPECT_TRUE(bases.insert(some[i].base()).second) << "given out twice";
      all.push_back(some[i]);
    }
  }
  EXPECT_EQ(pool.in_use(), all.size());
  pool.give(all.data(), all.size());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(stack_pool, looks_for_idle_stacks_only_now_and_then) {
  stack_pool pool(world());
  const stack_ref a = pool.take(stack_pool::default_class);
  const stack_ref b = pool.take(0);
  touch_all(a);
  touch_all(b);
  pool.give(a);
  EXPECT_TRUE(pool.needs_trim());
  EXPECT_EQ(pool.trim(1), 1 + idle_before_trim);
  pool.give(b); // of another slab
  EXPECT_EQ(pool.trim(2), 1 + trim_interval) << "the next look";
  EXPECT_FALSE(pool.needs_trim()) << "somebody knows when to look next";
  EXPECT_EQ(pool.trim(1 + trim_interval), 1 + idle_before_trim) << "the first slab is due first";
  EXPECT_EQ(pool.trim(1 + idle_before_trim), 1 + trim_interval + idle_before_trim);
  EXPECT_EQ(pool.trim(1 + trim_interval + idle_before_trim), env::forever);
  EXPECT_EQ(pool.mapped_bytes(), 0u);
}

TEST(stack_pool, who_looks_slab_by_slab_finds_what_is_out_and_what_he_holds_stays_mapped) {
  stack_pool pool(world());
  EXPECT_EQ(pool.hold_next(nullptr), nullptr);
  stack_ref taken[3];
  ASSERT_EQ(pool.take(stack_pool::default_class, taken, 3, 3), 3u);
  const stack_ref of_another_class = pool.take(stack_pool::default_class + 1);
  slab* const newest = pool.hold_next(nullptr);
  ASSERT_EQ(static_cast<void*>(newest), static_cast<void*>(of_another_class.owner));
  slab* const held = pool.hold_next(newest);
  ASSERT_EQ(static_cast<void*>(held), static_cast<void*>(taken[0].owner));
  stack_ref seen[3];
  ASSERT_EQ(pool.list_in_use(held, 0, seen, 3), 3u);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(seen[i].index, taken[i].index);
  EXPECT_EQ(pool.list_in_use(held, 0, seen, 2), 2u);
  EXPECT_EQ(pool.list_in_use(held, taken[1].index, seen, 3), 2u);
  EXPECT_EQ(seen[0].index, taken[1].index);
  pool.give(taken, 3);
  pool.give(of_another_class);
  EXPECT_EQ(pool.list_in_use(held, 0, seen, 3), 0u);
  trim_all(pool, 1);
  trim_all(pool, 1 + idle_before_trim);
  EXPECT_EQ(pool.mapped_bytes(), std::size_t{1} << 25) << "the one that is not held is gone";
  EXPECT_EQ(committed_pages(taken[0]), 0u);
  EXPECT_EQ(pool.hold_next(held), nullptr);
}

TEST(stack_pool, a_system_without_memory_gives_no_stack_and_nothing_breaks) {
  stack_pool pool(world());
  {
    const refuse no_memory(env::fault_site::map_memory, 1'000);
    EXPECT_FALSE(pool.take(stack_pool::default_class));
    EXPECT_FALSE(pool.take(3));
    stack_ref several[8];
    EXPECT_EQ(pool.take(stack_pool::default_class, several, 8, 8), 0u);
    EXPECT_EQ(pool.in_use(), 0u);
    EXPECT_EQ(pool.mapped_bytes(), 0u);
  }
  const stack_ref s = pool.take(stack_pool::default_class);
  ASSERT_TRUE(s);
  touch_all(s);
  pool.give(s);
}

TEST(stack_pool, where_a_large_slab_is_refused_a_smaller_one_will_do) {
  stack_pool pool(world());
  const stack_ref large = pool.take(stack_pool::default_class);
  const std::size_t first = pool.mapped_bytes();
  {
    const refuse twice(env::fault_site::map_memory, 2);
    const stack_ref s = pool.take(0); // another class, so another slab
    ASSERT_TRUE(s);
    EXPECT_EQ(pool.mapped_bytes() - first, first / 4);
    touch_all(s);
    pool.give(s);
  }
  pool.give(large);
}

TEST(stack_pool, threads_never_share_a_stack) {
  stack_pool pool(world());
  std::atomic<int> mix_ups{0};
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<stack_ref> mine;
      for (int i = 0; i < 2'000; ++i) {
        const stack_ref s = pool.take(static_cast<unsigned>(i % 2));
        if (!s) continue;
        *reinterpret_cast<int*>(s.top() - sizeof(int)) = t;
        mine.push_back(s);
        if (mine.size() < 20) continue;
        for (const stack_ref& m : mine)
          if (*reinterpret_cast<const int*>(m.top() - sizeof(int)) != t) ++mix_ups;
        pool.give(mine.data(), mine.size());
        mine.clear();
        if (i % 7 == 0) pool.trim(i * idle_before_trim);
      }
      pool.give(mine.data(), mine.size());
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(mix_ups, 0);
  EXPECT_EQ(pool.in_use(), 0u);
  trim_all(pool, 1'000'000 * idle_before_trim);
  trim_all(pool, 2'000'000 * idle_before_trim);
  EXPECT_EQ(pool.mapped_bytes(), 0u);
}

} // namespace
} // namespace thrum::stack
