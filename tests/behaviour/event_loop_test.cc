// event_loop: what it promises beyond Node's order (models/node_order_test.cc).
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/io/pipe.h>
#include <thrum/operation.h>
#include <thrum/scoped.h>
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>

#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using thrum::event_loop;

// ---- one at a time

// Not atomic: two at a time would be a data race, and lose some.
struct tally {
  int inside = 0;
  int most = 0;
  int calls = 0;
  void operator()() {
    most = std::max(most, ++inside);
    ++calls;
    --inside;
  }
};

TEST(loop_serial, callbacks_from_many_threads_and_fibers_run_one_at_a_time) {
  constexpr int threads = 4;
  constexpr int posts = 500;
  event_loop loop;
  tally seen;
  {
    std::vector<std::jthread> posting;
    std::vector<thrum::fiber<>> fibers;
    for (int i = 0; i < threads; ++i) {
      posting.emplace_back([&, keep = loop.keep()] {
        for (int n = 0; n < posts; ++n) loop.execute([&] { seen(); });
      });
      fibers.push_back(thrum::spawn([&, keep = loop.keep()] {
        for (int n = 0; n < posts; ++n) loop.execute([&] { seen(); });
      }));
    }
    loop.run();
  }
  EXPECT_EQ(seen.calls, 2 * threads * posts);
  EXPECT_EQ(seen.most, 1);
}

TEST(loop_serial, callbacks_fibers_and_coroutines_of_a_loop_share_it_without_a_lock) {
  event_loop loop;
  tally seen;
  std::vector<thrum::fiber<>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(loop.spawn([&] {
      for (int n = 0; n < 100; ++n) {
        seen();
        thrum::this_fiber::yield();
      }
    }));
    all.push_back(loop.spawn([&]() -> thrum::task<> {
      for (int n = 0; n < 100; ++n) {
        seen();
        co_await thrum::async_sleep_for(1us);
      }
    }));
  }
  int left = 100;
  loop.set_interval(1ms,
                    [&, once = true]() mutable {
                      if (!std::exchange(once, false)) return;
                      for (int n = 0; n < 100; ++n) loop.execute([&] { seen(), --left; });
                    })
      .unref();
  loop.run();
  for (auto& f : all) f.join();
  EXPECT_GE(seen.calls, 2000);
  EXPECT_EQ(seen.most, 1);
}

TEST(loop_serial, two_loops_run_at_the_same_time) {
  event_loop a, b;
  thrum::chan<int> to_b, to_a;
  const auto runs = [](event_loop& l, auto f) {
    return thrum::spawn([&l, f] {
      auto done = l.spawn(f);
      l.run();
      done.join();
    });
  };
  auto first = runs(a, [=]() mutable {
    to_b.send(1);
    EXPECT_EQ(to_a.recv(), 2);
  });
  auto second = runs(b, [=]() mutable {
    EXPECT_EQ(to_b.recv(), 1);
    to_a.send(2);
  });
  first.join();
  second.join();
}

TEST(loop_serial, posts_run_in_the_order_in_which_they_came) {
  event_loop loop;
  std::string order;
  for (const char c : std::string("abcdef")) loop.execute([&order, c] { order += c; });
  loop.run();
  EXPECT_EQ(order, "abcdef");
}

TEST(loop_serial, threads_may_post_to_a_loop_whose_time_is_virtual) {
  event_loop loop({.virtual_time = true});
  int posted = 0;
  std::jthread posts([&, keep = loop.keep()] {
    for (int n = 0; n < 100; ++n) loop.execute([&] { loop.set_timeout(1ms, [&] { ++posted; }); });
  });
  loop.run();
  EXPECT_EQ(posted, 100);
  EXPECT_EQ(loop.lag().count, 0u);
}

// ---- how it ends

TEST(loop_end, without_work_run_returns_at_once) {
  event_loop loop;
  EXPECT_FALSE(loop.alive());
  loop.run();
  thrum::run([&] { loop.run(); }); // in a fiber, too
}

TEST(loop_end, a_token_keeps_the_loop_until_it_is_given_back) {
  event_loop loop;
  std::atomic<bool> given{false};
  auto keep = loop.keep();
  auto later = thrum::spawn([&given, keep = std::move(keep)]() mutable {
    given = true;
    keep = {};
  });
  loop.run();
  EXPECT_TRUE(given);
  later.join();
}

TEST(loop_end, an_unreferenced_timer_runs_as_long_as_others_keep_the_loop) {
  event_loop loop({.virtual_time = true});
  int ticks = 0;
  auto every = loop.set_interval(10ms, [&] { ++ticks; });
  every.unref();
  EXPECT_FALSE(every.has_ref());
  loop.set_timeout(35ms, [] {});
  loop.run();
  EXPECT_EQ(ticks, 3);
  EXPECT_EQ(loop.now(), 35ms);
  every.ref();
  loop.set_timeout(20ms, [&] { every.clear(); });
  loop.run();
  EXPECT_FALSE(loop.alive());
}

TEST(loop_end, stop_ends_it_with_the_turn_and_the_next_run_goes_on) {
  event_loop loop({.virtual_time = true});
  std::string order;
  loop.execute([&] {
    order += 'a';
    loop.stop();
    loop.set_immediate([&] { order += 'b'; });
    loop.set_timeout(1h, [&] { order += 'c'; });
  });
  loop.execute([&] { order += 'A'; });
  loop.run();
  EXPECT_EQ(order, "aAb");
  EXPECT_TRUE(loop.alive());
  loop.run();
  EXPECT_EQ(order, "aAbc");
}

TEST(loop_end, stop_from_a_thread_ends_a_loop_that_waits) {
  event_loop loop;
  const auto keep = loop.keep();
  std::optional<std::jthread> other;
  loop.run([&] { other.emplace([&] { loop.stop(); }); });
}

TEST(loop_end, a_stop_request_to_who_runs_it_stops_the_loop) {
  thrum::run([] {
    event_loop loop;
    const auto keep = loop.keep();
    thrum::latch runs(1);
    auto f = thrum::spawn([&] { loop.run([&] { runs.count_down(); }); });
    runs.wait();
    f.request_stop();
    EXPECT_THROW(f.join(), thrum::cancelled);
    loop.set_timeout(1ms, [&] { loop.stop(); });
    loop.run(); // the request was to the fiber, not to the loop
  });
}

TEST(loop_end, what_is_left_is_destroyed_uncalled) {
  const auto kept = std::make_shared<int>(1);
  thrum::loop_timer t;
  {
    event_loop loop;
    const auto never = [kept] { FAIL(); };
    t = loop.set_timeout(1h, never);
    loop.set_interval(1h, never);
    loop.set_immediate(never);
    loop.next_tick(never);
    loop.queue_microtask(never);
    loop.queue_close(never);
    loop.execute(never);
    auto f = loop.spawn([kept] { FAIL(); });
    f.detach();
    EXPECT_EQ(kept.use_count(), 10);
  }
  EXPECT_EQ(kept.use_count(), 1);
  t.clear();
  t.refresh();
  EXPECT_FALSE(t.active());
}

TEST(loop_end, a_fiber_that_never_began_tells_who_joins_it) {
  std::optional<event_loop> loop(std::in_place);
  auto f = loop->spawn([] { return 1; });
  loop.reset();
  EXPECT_THROW(f.join(), thrum::rejected);
}

TEST(loop_end, a_coroutine_that_waits_is_stopped_when_it_would_go_on_after_the_end) {
  std::optional<event_loop> loop(std::in_place);
  const thrum::chan<int> c;
  const thrum::chan<int> tells(1);
  auto waits = loop->spawn([=]() -> thrum::task<> {
    tells.send(1);
    try {
      for (;;) co_await c.async_recv(); // goes on once, and is dropped by its executor
    } catch (const thrum::cancelled&) {
      tells.send(2);
      throw;
    }
  });
  loop->set_interval(1ms, [&] {
    if (tells.try_recv()) loop->stop();
  });
  loop->run();
  auto wakes = thrum::spawn([c] { c.send(1); });
  loop.reset(); // waits for the coroutine
  EXPECT_EQ(tells.recv(), 2);
  EXPECT_THROW(waits.join(), thrum::rejected);
  wakes.join();
}

TEST(loop_end, threads_that_give_the_last_tokens_back_race_with_its_end) {
  for (int round = 0; round < 100; ++round) {
    int ran = 0;
    std::vector<std::jthread> threads;
    {
      event_loop loop;
      for (int t = 0; t < 2; ++t)
        threads.emplace_back([&loop, &ran, keep = loop.keep()]() mutable {
          loop.execute([&ran] { ++ran; });
          keep = {};
        });
      loop.run();
    }
    EXPECT_EQ(ran, 2);
  }
}

// ---- exceptions

TEST(loop_exception, it_ends_run_and_what_is_left_stays) {
  event_loop loop;
  std::string order;
  loop.set_immediate([&] {
    order += 'a';
    loop.next_tick([&] { order += 'b'; });
    throw std::runtime_error("no");
  });
  loop.set_immediate([&] { order += 'c'; });
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(order, "a");
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(loop_exception, with_a_handler_the_loop_goes_on) {
  int caught = 0;
  event_loop loop({.on_unhandled = [&](std::exception_ptr) { ++caught; }});
  std::string order;
  loop.execute([] { throw 1; });
  loop.next_tick([] { throw 2; });
  loop.queue_microtask([] { throw 3; });
  loop.set_timeout(1ms, [&] {
    order += 't';
    throw 4;
  });
  loop.queue_close([&] { order += 'c'; });
  loop.run();
  EXPECT_EQ(caught, 4);
  EXPECT_EQ(order.size(), 2u);
}

TEST(loop_exception, what_the_handler_throws_ends_run) {
  event_loop loop({.on_unhandled = [](std::exception_ptr) { throw std::logic_error("handler"); }});
  loop.execute([] { throw 1; });
  EXPECT_THROW(loop.run(), std::logic_error);
}

TEST(loop_exception, cancelled_just_ends_the_callback) {
  event_loop loop;
  bool after = false;
  loop.execute([] { throw thrum::cancelled(thrum::cancel_reason::user); });
  loop.execute([&] { after = true; });
  loop.run();
  EXPECT_TRUE(after);
}

TEST(loop_exception, of_a_fiber_and_a_coroutine_it_goes_to_who_joins) {
  event_loop loop;
  auto f = loop.spawn([]() -> int { throw std::runtime_error("fiber"); });
  auto c = loop.spawn([]() -> thrum::task<int> {
    co_await thrum::async_sleep_for(1us);
    throw std::runtime_error("coroutine");
  });
  loop.run();
  EXPECT_THROW(f.join(), std::runtime_error);
  EXPECT_THROW(c.join(), std::runtime_error);
}

TEST(loop_exception, of_a_fiber_that_was_given_up_it_ends_run) {
  event_loop loop;
  loop.spawn([] { throw std::runtime_error("nobody joins"); }).detach();
  EXPECT_THROW(loop.run(), std::runtime_error);
}

// ---- timers

TEST(loop_timer, is_never_early) {
  event_loop loop;
  for (const auto d : {1ms, 3ms, 7ms}) {
    loop.set_timeout(d, [d, begin = steady_clock::now()] { EXPECT_GE(steady_clock::now() - begin, d); });
  }
  loop.run();
}

TEST(loop_timer, an_interval_is_a_period_from_the_beginning_of_each_call) {
  event_loop loop({.virtual_time = true});
  std::vector<std::chrono::nanoseconds> at;
  thrum::loop_timer every = loop.set_interval(10ms, [&] {
    at.push_back(loop.now());
    loop.advance(3ms);
    if (at.size() == 3) every.clear();
  });
  loop.run();
  EXPECT_EQ(at, (std::vector<std::chrono::nanoseconds>{10ms, 20ms, 30ms}));
}

TEST(loop_timer, refresh_begins_its_time_anew) {
  event_loop loop({.virtual_time = true});
  std::vector<std::chrono::nanoseconds> at;
  auto t = loop.set_timeout(10ms, [&] { at.push_back(loop.now()); });
  loop.set_timeout(6ms, [&] { t.refresh(); });
  loop.set_timeout(50ms, [&] { t.refresh(); }); // it was called: once more
  loop.run();
  EXPECT_EQ(at, (std::vector<std::chrono::nanoseconds>{16ms, 60ms}));
  EXPECT_FALSE(t.active());
}

TEST(loop_timer, may_clear_itself_and_be_set_by_a_fiber_while_the_loop_sleeps) {
  event_loop loop;
  bool called = false;
  auto f = loop.spawn([&] {
    thrum::this_fiber::sleep_for(1ms); // the loop waits for this fiber, without a timer
    auto t = loop.set_timeout(1ms, [&] { called = true; });
  });
  loop.run();
  f.join();
  EXPECT_TRUE(called);
}

TEST(loop_timer, a_very_long_duration_never_ends) {
  event_loop loop({.virtual_time = true});
  auto t = loop.set_timeout(std::chrono::hours::max(), [] { FAIL(); });
  t.unref();
  loop.set_timeout(1h, [] {});
  loop.run();
}

// ---- fibers and coroutines

TEST(loop_atomic_between_waits, a_fiber_has_the_loop_to_itself_from_wait_to_wait) {
  event_loop loop;
  std::string order;
  const auto writes = [&](char c) {
    return [&order, c] {
      for (int i = 0; i < 3; ++i) {
        order += c;
        order += c; // nobody comes between
        thrum::this_fiber::yield();
      }
    };
  };
  auto a = loop.spawn(writes('a'));
  auto b = loop.spawn(writes('b'));
  loop.run();
  a.join();
  b.join();
  EXPECT_EQ(order, "aabbaabbaabb");
}

TEST(loop_atomic_between_waits, an_update_across_a_wait_is_lost_and_one_without_is_not) {
  event_loop loop;
  int across = 0, without = 0;
  std::vector<thrum::fiber<>> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(loop.spawn([&] {
      const int before = across;
      thrum::this_fiber::yield(); // others have read the same by now
      across = before + 1;
      ++without;
    }));
  loop.run();
  for (auto& f : all) f.join();
  EXPECT_EQ(across, 1);
  EXPECT_EQ(without, 10);
}

TEST(loop_fiber, runs_on_while_a_callback_waits) {
  event_loop loop;
  thrum::chan<int> c;
  std::string order;
  auto f = loop.spawn([&] {
    loop.set_immediate([&] {
      order += 'w';
      EXPECT_EQ(c.recv(), 1);
      order += 'r';
    });
    thrum::this_fiber::sleep_for(1ms);
    order += 'f';
    c.send(1);
  });
  loop.run();
  f.join();
  EXPECT_EQ(order.size(), 3u);
  EXPECT_LT(order.find('f'), order.find('r'));
}

TEST(loop_fiber, ticks_and_immediates_that_it_leaves_run) {
  event_loop loop;
  std::string order;
  auto f = loop.spawn([&] {
    thrum::this_fiber::sleep_for(1ms);
    const thrum::chan<int> c(1);
    loop.set_immediate([&order, c] {
      order += 'i';
      c.send(1);
    });
    loop.queue_microtask([&] { order += 'm'; });
    loop.next_tick([&] { order += 't'; });
    EXPECT_EQ(c.recv(), 1);
    order += 'f';
  });
  loop.run();
  f.join();
  EXPECT_EQ(order, "tmif");
}

TEST(loop_fiber, its_executor_is_the_loop) {
  event_loop loop;
  auto f = loop.spawn([&] { return &thrum::executor::current() == &loop; });
  auto c = loop.spawn([&]() -> thrum::task<bool> {
    co_await thrum::async_sleep_for(1us);
    co_return &thrum::executor::current() == &loop;
  });
  bool in_callback = false;
  loop.execute([&] { in_callback = &thrum::executor::current() == &loop; });
  loop.run();
  EXPECT_TRUE(f.join());
  EXPECT_TRUE(c.join());
  EXPECT_TRUE(in_callback);
}

thrum::task<int> twice(int n) {
  co_await thrum::async_sleep_for(1ms);
  co_return 2 * n;
}

TEST(loop_asyncio, run_of_a_coroutine_returns_its_result) {
  event_loop loop;
  EXPECT_EQ(loop.run([]() -> thrum::task<int> { co_return co_await twice(21); }), 42);
  EXPECT_THROW(loop.run([]() -> thrum::task<int> {
    co_await thrum::async_sleep_for(1ms);
    throw std::runtime_error("no");
  }),
               std::runtime_error);
}

TEST(loop_asyncio, tasks_run_side_by_side_and_are_gathered_in_order) {
  event_loop loop({.name = "gather"});
  const int sum = loop.run([&]() -> thrum::task<int> {
    std::vector<thrum::fiber<int>> tasks;
    for (int i = 1; i <= 10; ++i) tasks.push_back(loop.spawn(twice(i)));
    int total = 0;
    for (auto& t : tasks) total += co_await t.async_join();
    co_return total;
  });
  EXPECT_EQ(sum, 110);
}

TEST(loop_asyncio, a_wait_may_time_out) {
  event_loop loop;
  const bool timed_out = loop.run([]() -> thrum::task<bool> {
    const thrum::chan<int> never;
    std::optional<int> got;
    co_return co_await thrum::async_select(recv(never, got), thrum::after(1ms)) == 1;
  });
  EXPECT_TRUE(timed_out);
}

TEST(loop_asyncio, a_stopped_loop_tells_that_the_coroutine_has_not_ended) {
  event_loop loop;
  const thrum::chan<int> c;
  EXPECT_THROW(static_cast<void>(loop.run([&]() -> thrum::task<int> {
                 loop.stop();
                 co_return (co_await c.async_recv()).value_or(7);
               })),
               thrum::rejected);
  c.close();
  loop.run(); // it ends now
  EXPECT_FALSE(loop.alive());
}

TEST(loop_io, a_fiber_of_the_loop_waits_for_a_descriptor_while_callbacks_run_on) {
  event_loop loop;
  auto ends = thrum::io::pipe().value();
  std::string order;
  auto reads = loop.spawn([&] {
    order += '(';
    loop.set_timeout(1ms, [&] { // the fiber waits; nobody has written
      order += 'c';
      loop.set_immediate([&] { ends.writer.write_all("r").value(); });
    });
    char byte = 0;
    EXPECT_EQ(ends.reader.read_some({&byte, 1}).value(), 1u);
    order += byte;
    loop.next_tick([&] { order += 't'; });
  });
  loop.run();
  reads.join();
  EXPECT_EQ(order, "(crt");
}

// ---- lag

std::chrono::nanoseconds cpu_time() {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}
void compute_for(std::chrono::nanoseconds d) {
  for (const auto begin = cpu_time(); cpu_time() - begin < d;) {}
}

TEST(loop_lag_report, a_callback_that_computes_delays_the_next_timer_by_as_much) {
  event_loop loop;
  loop.set_timeout(1ms, [] { compute_for(20ms); });
  loop.set_timeout(2ms, [] {});
  loop.run();
  const thrum::loop_lag late = loop.lag();
  EXPECT_EQ(late.count, 2u);
  EXPECT_GE(late.max, 18ms); // of 20: the other was due a little later
  EXPECT_GE(late.p99, 18ms);
  EXPECT_LE(late.p50, late.p99);
  EXPECT_EQ(loop.lag_quantile(1), late.max);
  loop.reset_lag();
  EXPECT_EQ(loop.lag().count, 0u);
}

TEST(loop_lag_report, a_post_that_waits_for_a_callback_is_late_by_as_much) {
  event_loop loop;
  loop.execute([&] {
    loop.execute([] {});
    compute_for(10ms);
  });
  loop.run();
  EXPECT_GE(loop.lag().max, 10ms);
}

struct heard {
  std::vector<thrum::slow_callback> all;
  explicit heard(event_loop& loop, std::chrono::nanoseconds threshold = 10ms) {
    loop.on_slow(threshold, [this](const thrum::slow_callback& s) { all.push_back(s); });
  }
};

TEST(loop_lag_report, it_names_the_callback_that_computed_and_where_it_was_given) {
  event_loop loop;
  const heard slow(loop);
  const auto line = std::source_location::current().line() + 1;
  loop.set_timeout(1ms, [] { compute_for(20ms); });
  loop.run();
  ASSERT_GE(slow.all.size(), 1u);
  const auto& s = slow.all.front();
  EXPECT_STREQ(s.what, "timer");
  EXPECT_EQ(s.site.line(), line);
  EXPECT_NE(std::string(s.site.file_name()).find("event_loop_test.cc"), std::string::npos);
  EXPECT_GE(s.took, 20ms);
  EXPECT_GE(s.computed, 20ms);
  EXPECT_FALSE(s.parked);
}

TEST(loop_block_report, a_call_that_blocks_in_the_kernel_is_told_from_one_that_computes) {
  event_loop loop;
  const heard slow(loop);
  const auto line = std::source_location::current().line() + 1;
  loop.set_immediate([] { ::usleep(20'000); });
  loop.run();
  ASSERT_GE(slow.all.size(), 1u);
  const auto& s = slow.all.front();
  EXPECT_STREQ(s.what, "immediate");
  EXPECT_EQ(s.site.line(), line);
  EXPECT_GE(s.took, 20ms);
  EXPECT_LT(s.computed, s.took / 2);
  EXPECT_FALSE(s.parked);
}

TEST(loop_block_report, a_wait_in_a_callback_is_told_as_such) {
  event_loop loop;
  const heard slow(loop);
  loop.next_tick([] { thrum::this_fiber::sleep_for(20ms); });
  loop.run();
  ASSERT_GE(slow.all.size(), 1u);
  EXPECT_STREQ(slow.all.front().what, "tick");
  EXPECT_TRUE(slow.all.front().parked);
  EXPECT_GE(slow.all.front().took, 20ms);
}

TEST(loop_block_report, every_kind_of_callback_is_named) {
  event_loop loop;
  const heard slow(loop, 0ms);
  loop.execute([] {});
  loop.queue_close([] {});
  loop.set_timeout(1ms, [] {});
  loop.set_immediate([] {});
  loop.run([&] {
    loop.next_tick([] {});
    loop.queue_microtask([] {});
  });
  std::string kinds;
  for (const auto& s : slow.all) (kinds += s.what) += ' ';
  // The timer may be due at once, if the machine is busy.
  for (const char* kind :
       {"first callback ", "tick ", "microtask ", "post ", "immediate ", "close callback ", "timer "})
    EXPECT_NE(kinds.find(kind), std::string::npos) << kinds;
  EXPECT_EQ(slow.all.size(), 7u);
}

TEST(loop_block_report, what_is_quick_is_not_told_and_an_empty_hook_ends_it) {
  event_loop loop;
  const heard slow(loop, 1h);
  loop.execute([] {});
  loop.run();
  EXPECT_TRUE(slow.all.empty());
  loop.on_slow(0ms, {});
  loop.execute([] {});
  loop.run();
  EXPECT_TRUE(slow.all.empty());
}

// ---- futures and what is bound

TEST(loop_future, a_reaction_that_settles_elsewhere_is_a_post_of_the_loop) {
  event_loop loop;
  thrum::executor* where = nullptr;
  thrum::thread_pool pool({.threads = 1});
  auto keep = std::make_shared<event_loop::keeper>(loop.keep());
  auto f = thrum::async(pool, [] { return 20; }).then(loop, [&, keep](int n) {
    where = &thrum::executor::current();
    return n + 1;
  });
  keep.reset();
  loop.run();
  EXPECT_EQ(where, &loop);
  EXPECT_EQ(f.get(), 21);
}

TEST(loop_future, async_on_the_loop_is_a_callback_with_a_result) {
  event_loop loop;
  auto f = thrum::async(loop, [] { return 5; });
  loop.run();
  EXPECT_EQ(f.get(), 5);
}

thrum::scoped<int> request;

TEST(loop_bound, what_is_bound_where_a_callback_is_given_is_bound_where_it_runs) {
  event_loop loop;
  std::vector<int> seen;
  const auto look = [&] { seen.push_back(request.get_or(0)); };
  loop.run([&] {
    {
      const thrum::scoped<int>::binding one(request, 1);
      loop.next_tick(look);
      loop.set_immediate(look);
      loop.set_timeout(1ms, look);
      loop.execute(look);
      static_cast<void>(thrum::make_ready_future().then(loop, look));
    }
    look();
  });
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 1, 1, 1, 1}));
}

} // namespace
