// Isolates: what is theirs alone, what crosses and how, how they end, and what they fail with.
#include <thrum/isolate.h>
#include <thrum/operation.h>
#include <thrum/shared_buffer.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using thrum::isolate;
using thrum::isolate_port;

// Addresses and threads are numbers here: pointers cannot be sent.
std::uint64_t number_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }
std::uint64_t this_thread() { return std::hash<std::thread::id>()(std::this_thread::get_id()); }

void add(isolate_port<std::vector<int>, long>& parent) {
  for (const std::vector<int>& some : parent) parent.post(std::accumulate(some.begin(), some.end(), 0L));
}

// ---- isolate_no_share

struct whereabouts {
  std::uint64_t thread = 0;
  std::uint64_t later = 0;
  std::uint64_t loop = 0;
  std::uint64_t runtime = 0;
};
void tell_where(isolate_port<int, whereabouts>& parent) {
  whereabouts w{.thread = this_thread(), .loop = number_of(&parent.loop())};
  auto beside = parent.loop().spawn([&] {
    thrum::this_fiber::sleep_for(1ms);
    w.later = this_thread();
  });
  beside.join();
  w.runtime = number_of(&thrum::runtime::current());
  parent.post(w);
  static_cast<void>(parent.recv()); // all live at the same time: addresses and threads may come again
}

TEST(isolate_no_share, each_has_a_thread_a_runtime_and_a_loop_of_its_own) {
  std::vector<std::unique_ptr<isolate<int, whereabouts>>> all;
  for (int i = 0; i < 4; ++i) all.push_back(std::make_unique<isolate<int, whereabouts>>(&tell_where));
  std::set<std::uint64_t> threads{this_thread()};
  std::set<std::uint64_t> loops;
  std::set<std::uint64_t> runtimes{number_of(&thrum::runtime::current())};
  for (auto& one : all) {
    const whereabouts w = one->recv().value();
    EXPECT_EQ(w.thread, w.later);
    EXPECT_TRUE(threads.insert(w.thread).second);
    EXPECT_TRUE(loops.insert(w.loop).second);
    EXPECT_TRUE(runtimes.insert(w.runtime).second);
  }
  for (auto& one : all) {
    one->close();
    one->join();
  }
}

struct box {
  std::vector<int> numbers;
  std::shared_ptr<std::string> text;
  std::shared_ptr<std::string> same;
};
struct seen_box {
  std::uint64_t numbers = 0;
  std::uint64_t text = 0;
  bool is_one_text = false;
  std::vector<int> values;
};
TEST(isolate_no_share, what_was_posted_is_a_copy_of_that_moment) {
  isolate<box, seen_box> w([](auto& parent) {
    for (box& b : parent)
      parent.post({.numbers = number_of(b.numbers.data()),
                   .text = number_of(b.text.get()),
                   .is_one_text = b.text == b.same,
                   .values = b.numbers});
  });
  box mine{.numbers = {1, 2, 3}, .text = std::make_shared<std::string>("text"), .same = nullptr};
  mine.same = mine.text;
  EXPECT_TRUE(w.post(mine));
  mine.numbers[0] = 7;
  *mine.text = "changed";
  const seen_box seen = w.recv().value();
  EXPECT_EQ(seen.values, (std::vector{1, 2, 3}));
  EXPECT_NE(seen.numbers, number_of(mine.numbers.data()));
  EXPECT_NE(seen.text, number_of(mine.text.get()));
  EXPECT_TRUE(seen.is_one_text);
  EXPECT_EQ(mine.text.use_count(), 2); // both here
}

TEST(isolate_no_share, a_transferred_vector_keeps_its_address_and_is_empty_where_it_was) {
  isolate<std::vector<int>, std::uint64_t> w([](auto& parent) {
    const std::vector<int> came = parent.recv().value();
    parent.post(number_of(came.data()));
  });
  std::vector<int> mine(100'000, 1);
  const std::uint64_t where = number_of(mine.data());
  EXPECT_TRUE(w.post(thrum::transfer(std::move(mine))));
  EXPECT_TRUE(mine.empty());
  EXPECT_EQ(mine.capacity(), 0u);
  EXPECT_EQ(w.recv(), where);
}

TEST(isolate_no_share, a_shared_buffer_is_the_same_bytes_on_both_sides) {
  isolate<thrum::shared_buffer, bool> w([](auto& parent) {
    const thrum::shared_buffer b = parent.recv().value();
    b.as<int>()[0] += 1;
    parent.post(true);
  });
  const thrum::shared_buffer mine(sizeof(int));
  mine.as<int>()[0] = 41;
  EXPECT_TRUE(w.post(mine));
  EXPECT_EQ(w.recv(), true);
  EXPECT_EQ(mine.as<int>()[0], 42);
}

using shared_number = thrum::atomic<int>;
shared_number& number_in(const thrum::shared_buffer& b) {
  return *std::launder(reinterpret_cast<shared_number*>(b.bytes().data()));
}
TEST(isolate_no_share, an_atomic_in_a_shared_buffer_is_waited_for_on_both_sides) {
  isolate<thrum::shared_buffer, bool> w([](auto& parent) {
    const thrum::shared_buffer b = parent.recv().value();
    number_in(b).wait(0);
    number_in(b).store(2);
    number_in(b).notify_one();
  });
  const thrum::shared_buffer mine(sizeof(shared_number));
  ::new (mine.bytes().data()) shared_number(0);
  w.post(mine);
  number_in(mine).store(1);
  number_in(mine).notify_one();
  number_in(mine).wait(1);
  EXPECT_EQ(number_in(mine).load(), 2);
  w.join();
}

TEST(isolate_no_share, what_is_allocated_from_its_memory_is_gone_with_it) {
  isolate<int, long> w([](auto& parent) {
    std::pmr::vector<std::pmr::string> words(&parent.memory());
    for (int i = 0; i < 1000; ++i) words.emplace_back("a word that is too long to lie within its string");
    long n = 0;
    for (const auto& word : words) n += static_cast<long>(word.size());
    parent.post(n);
    // Given up: nobody frees it but the resource.
    static_cast<void>(parent.memory().allocate(100'000));
  });
  EXPECT_EQ(w.recv(), 1000L * 48);
  w.join();
}

// ---- messages

TEST(isolates, messages_arrive_in_order_each_once) {
  isolate<int, int> w([](auto& parent) {
    for (const int n : parent) parent.post(n * 2);
  });
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(w.post(i));
  w.close();
  int next = 0;
  for (const int n : w) EXPECT_EQ(n, 2 * next++);
  EXPECT_EQ(next, 10'000);
  w.join();
}

TEST(isolates, fibers_park_while_they_receive) {
  thrum::run(
      [] {
        isolate<std::vector<int>, long> w(&add);
        auto result = thrum::spawn([&] { return w.recv().value(); });
        bool another_ran = false;
        thrum::spawn([&] { another_ran = true; }).join();
        EXPECT_TRUE(another_ran);
        EXPECT_FALSE(result.ended());
        w.post({1, 2, 3});
        EXPECT_EQ(result.join(), 6);
      },
      {.processors = 1, .max_threads = 1});
}

TEST(isolates, a_case_of_select_and_a_coroutine_receive_too) {
  thrum::run([] {
    isolate<std::vector<int>, long> w(&add);
    std::optional<long> sum;
    EXPECT_EQ(thrum::select(thrum::recv(w, sum), thrum::otherwise()), 1u);
    w.post({1, 2});
    EXPECT_EQ(thrum::select(thrum::recv(w, sum), thrum::after(1h)), 0u);
    EXPECT_EQ(sum, 3);
    w.post({4, 5});
    const auto receive = [](const isolate<std::vector<int>, long>& from) -> thrum::task<long> {
      const std::optional<long> got = co_await from.async_recv();
      co_return got.value();
    };
    EXPECT_EQ(thrum::await(receive(w)), 9);
    EXPECT_EQ(w.recv_for(1ms).error(), thrum::chan_status::timeout);
    EXPECT_EQ(w.try_recv().error(), thrum::chan_status::would_block);
  });
}

TEST(isolates, what_was_posted_before_the_end_is_received_after_it) {
  isolate<int, std::string> w([](auto& parent) {
    parent.post("first");
    parent.post("second");
  });
  w.join();
  EXPECT_TRUE(w.ended());
  EXPECT_EQ(w.recv(), "first");
  EXPECT_EQ(w.recv(), "second");
  EXPECT_EQ(w.recv(), std::nullopt);
}

TEST(isolates, posting_to_one_that_has_ended_is_false_and_nothing_is_lost) {
  isolate<std::vector<int>, int> w([](auto&) {});
  EXPECT_EQ(w.recv(), std::nullopt);
  std::vector<int> mine{1, 2, 3};
  EXPECT_FALSE(w.post(mine));
  EXPECT_FALSE(w.post(thrum::transfer(std::move(mine))));
  EXPECT_EQ(mine.size(), 3u);
  w.join();
}

struct counted {
  int n = 0;
  std::shared_ptr<int> life;
};
TEST(isolates, messages_that_nobody_took_are_destroyed_with_the_isolate) {
  // As clones they have counts of their own; the leak sanitizer sees whether they are gone.
  isolate<counted, counted> w([](auto& parent) {
    for (int i = 0; i < 100; ++i) parent.post({i, std::make_shared<int>(i)});
  });
  for (int i = 0; i < 100; ++i) w.post({i, std::make_shared<int>(i)});
}

struct node {
  int number = 0;
  std::shared_ptr<node> next;
};
TEST(isolates, a_graph_of_a_million_crosses_with_its_cycle) {
  isolate<std::shared_ptr<node>, long> w([](auto& parent) {
    const std::shared_ptr<node> first = parent.recv().value();
    long sum = 0;
    std::shared_ptr<node> at = first;
    do {
      sum += at->number;
      at = std::exchange(at->next, nullptr); // which opens the cycle, too
    } while (at != nullptr && at != first);
    parent.post(sum);
  });
  constexpr int length = 1'000'000;
  const auto first = std::make_shared<node>(0);
  auto last = first;
  for (int i = 1; i < length; ++i) last = last->next = std::make_shared<node>(i);
  last->next = first;
  w.post(first);
  for (std::shared_ptr<node> at = std::move(first->next); at != first;) at = std::exchange(at->next, nullptr);
  EXPECT_EQ(w.recv(), long{length} * (length - 1) / 2);
}

// ---- what runs there

TEST(isolates, the_function_may_be_a_coroutine) {
  isolate<int, int> w([](isolate_port<int, int>& parent) -> thrum::task<> {
    while (const std::optional<int> n = co_await parent.async_recv()) parent.post(*n + 1);
  });
  w.post(1);
  EXPECT_EQ(w.recv(), 2);
  w.close();
  w.join();
}

TEST(isolates, it_lives_as_long_as_its_loop_has_something_to_do) {
  isolate<int, int> w([](auto& parent) {
    parent.loop().set_timeout(1ms, [&parent] {
      parent.post(2);
      parent.loop().next_tick([&parent] { parent.post(3); });
    });
    parent.loop().set_timeout(1h, [] {}).unref();
    parent.post(1);
  });
  EXPECT_EQ(w.recv(), 1);
  EXPECT_EQ(w.recv(), 2);
  EXPECT_EQ(w.recv(), 3);
  EXPECT_EQ(w.recv(), std::nullopt);
  w.join();
}

TEST(isolates, stopping_the_loop_ends_it) {
  isolate<int, int> w([](auto& parent) {
    parent.loop().set_interval(1h, [] {});
    parent.loop().stop();
  });
  w.join();
}

TEST(isolates, a_timer_runs_while_the_function_waits) {
  isolate<int, int> w([](auto& parent) {
    parent.loop().set_timeout(1ms, [&parent] { parent.post(1); });
    static_cast<void>(parent.recv());
    parent.post(2);
  });
  EXPECT_EQ(w.recv(), 1);
  w.post(0);
  EXPECT_EQ(w.recv(), 2);
  w.join();
}

TEST(isolates, fibers_of_its_runtime_are_stopped_with_it) {
  isolate<int, int> w([](auto& parent) {
    thrum::go([] { thrum::this_fiber::sleep_for(1h); });
    parent.post(1);
  });
  EXPECT_EQ(w.recv(), 1);
  w.join();
}

TEST(isolates, many_at_a_time_and_one_within_another) {
  std::vector<std::unique_ptr<isolate<int, int>>> all;
  for (int i = 0; i < 32; ++i)
    all.push_back(std::make_unique<isolate<int, int>>([](auto& parent) {
      isolate<int, int> inner([](auto& outer) {
        for (const int n : outer) outer.post(n + 1);
      });
      for (const int n : parent) {
        inner.post(n);
        parent.post(inner.recv().value() * 10);
      }
    }));
  for (int i = 0; i < 32; ++i) all[static_cast<std::size_t>(i)]->post(i);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)]->recv(), (i + 1) * 10);
}

TEST(isolates, may_be_moved) {
  isolate<std::vector<int>, long> a(&add);
  isolate<std::vector<int>, long> b = std::move(a);
  b.post({1, 2, 3});
  EXPECT_EQ(b.recv(), 6);
  b = isolate<std::vector<int>, long>(&add); // ends the first
  b.post({4});
  EXPECT_EQ(b.recv(), 4);
}

// ---- failures

void expect_failure(isolate<int, int>& w, const char* what) {
  EXPECT_EQ(w.recv(), std::nullopt);
  try {
    w.join();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::runtime_error& e) { EXPECT_STREQ(e.what(), what); }
}

TEST(isolate_failures, what_leaves_the_function_is_rethrown_by_join) {
  isolate<int, int> w([](auto& parent) {
    parent.loop().set_interval(1h, [] {}); // does not keep it
    throw std::runtime_error("the function");
  });
  expect_failure(w, "the function");
  isolate<int, int> c([](isolate_port<int, int>& parent) -> thrum::task<> {
    co_await parent.async_recv();
    throw std::runtime_error("the coroutine");
  });
  c.post(1);
  expect_failure(c, "the coroutine");
}

TEST(isolate_failures, so_is_what_leaves_a_callback_or_a_fiber_of_its_own) {
  isolate<int, int> a([](auto& parent) {
    parent.loop().set_timeout(1ms, [] { throw std::runtime_error("a timer"); });
    static_cast<void>(parent.recv()); // is asked to stop
  });
  expect_failure(a, "a timer");
  isolate<int, int> b([](auto& parent) {
    thrum::go([] { throw std::runtime_error("a fiber"); });
    static_cast<void>(parent.recv());
  });
  expect_failure(b, "a fiber");
  isolate<int, int> c([](auto& parent) {
    parent.loop().spawn([] { throw std::runtime_error("a fiber of the loop"); }).detach();
    thrum::this_fiber::sleep_for(1h);
  });
  expect_failure(c, "a fiber of the loop");
}

TEST(isolate_failures, fibers_that_wait_for_ever_do_not_keep_one_that_has_failed) {
  isolate<int, int> w([](auto& parent) {
    parent.loop().spawn([] { thrum::this_fiber::sleep_for(1h); }).detach();
    thrum::this_fiber::yield();
    throw std::runtime_error("the function");
  });
  expect_failure(w, "the function");
}

TEST(isolate_failures, one_that_nobody_joins_is_printed) {
  testing::internal::CaptureStderr();
  {
    isolate<int, int> w([](auto&) { throw std::runtime_error("the dog ate it"); });
    EXPECT_EQ(w.recv(), std::nullopt);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("the dog ate it"), std::string::npos) << said;
}

TEST(isolate_failures, the_others_go_on) {
  isolate<std::vector<int>, long> other(&add);
  isolate<int, int> w([](auto&) { throw std::runtime_error("the function"); });
  expect_failure(w, "the function");
  other.post({1});
  EXPECT_EQ(other.recv(), 1);
}

// ---- stop requests

TEST(isolate_stops, while_it_waits) {
  isolate<int, int> w([](auto& parent) {
    parent.loop().set_interval(1h, [] {});
    parent.post(1);
    EXPECT_THROW(static_cast<void>(parent.recv()), thrum::cancelled);
    parent.post(2);
    throw thrum::cancelled(thrum::cancel_reason::user);
  });
  EXPECT_EQ(w.recv(), 1);
  w.request_stop();
  w.join(); // and nothing is thrown
}

TEST(isolate_stops, while_it_computes) {
  isolate<int, int> w([](auto& parent) {
    parent.post(1);
    for (;;) thrum::this_fiber::check();
  });
  EXPECT_EQ(w.recv(), 1);
  w.request_stop();
  w.join();
}

TEST(isolate_stops, a_coroutine_that_waits) {
  isolate<int, int> w([](isolate_port<int, int>& parent) -> thrum::task<> {
    parent.post(1);
    co_await parent.async_recv();
    parent.post(2); // not reached
  });
  EXPECT_EQ(w.recv(), 1);
  w.request_stop();
  w.join();
  EXPECT_EQ(w.recv(), std::nullopt);
}

TEST(isolate_stops, before_it_has_begun_or_at_any_time) {
  for (int i = 0; i < 50; ++i) {
    isolate<int, int> w([](auto& parent) {
      for (const int n : parent) parent.post(n);
    });
    w.post(1);
    i % 2 == 0 ? w.request_stop() : w.close();
    if (i % 3 == 0) w.join(); // else the destructor
  }
}

TEST(isolate_stops, one_that_does_not_stop_is_left_behind) {
  static std::atomic<bool> go_on;
  static std::atomic<bool> has_ended;
  go_on.store(true);
  has_ended.store(false);
  testing::internal::CaptureStderr();
  {
    isolate<int, int> w(
        [](auto& parent) {
          parent.post(1);
          while (go_on.load()) std::this_thread::yield();
          has_ended.store(true);
        },
        {.drain = 1ms});
    EXPECT_EQ(w.recv(), 1);
    w.request_stop();
    w.join();
    EXPECT_EQ(w.recv(), std::nullopt);
    EXPECT_FALSE(w.post(1));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("did not stop when asked"), std::string::npos) << said;
  go_on.store(false);
  while (!has_ended.load()) std::this_thread::sleep_for(1ms);
}

TEST(isolate_stops, who_joins_may_be_asked_to_stop_and_join_again) {
  thrum::run([] {
    isolate<int, int> w([](auto& parent) { static_cast<void>(parent.recv()); });
    auto joiner = thrum::spawn([&] { w.join(); });
    joiner.request_stop();
    EXPECT_THROW(joiner.join(), thrum::cancelled);
    w.close();
    w.join();
  });
}

TEST(isolate_stops, a_long_computation_is_not_reported_as_a_lack_of_threads) {
  testing::internal::CaptureStderr();
  {
    isolate<int, int> w([](auto& parent) {
      const auto until = std::chrono::steady_clock::now() + 50ms;
      while (std::chrono::steady_clock::now() < until) {}
      parent.post(1);
    });
    EXPECT_EQ(w.recv(), 1);
    w.join();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

} // namespace
