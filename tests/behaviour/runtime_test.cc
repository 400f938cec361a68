// Runtimes: made, used from everywhere, several at a time, and ended.
#include "support/facts.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/mutex.h>
#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;

class runtimes : public test::on_processors {};

} // namespace

TEST_P(runtimes, run_returns_what_its_function_returns) {
  EXPECT_EQ(run([] { return 5; }), 5);
  EXPECT_EQ(*run([] { return std::make_unique<int>(6); }), 6);
  EXPECT_EQ(run([p = std::make_unique<int>(7)] { return *p; }), 7);
  int variable = 0;
  EXPECT_EQ(&run([&]() -> int& { return variable; }), &variable);
  run([] {});
  EXPECT_THROW(run([] { throw std::runtime_error("x"); }), std::runtime_error);
}

TEST_P(runtimes, a_runtime_has_the_processors_it_was_asked_for) {
  thrum::runtime r(options());
  EXPECT_EQ(r.processors(), GetParam());
  EXPECT_EQ(&r.run([]() -> thrum::runtime& { return thrum::runtime::current(); }), &r);
  thrum::runtime standard;
  EXPECT_GE(standard.processors(), 1u);
  EXPECT_LE(standard.processors(), std::max(1u, std::thread::hardware_concurrency()));
}

TEST_P(runtimes, plain_threads_use_the_default_runtime) {
  thrum::runtime& standard = thrum::runtime::current();
  auto f = spawn([] { return &thrum::runtime::current(); });
  EXPECT_EQ(f.join(), &standard);
  const chan<thrum::runtime*> c;
  thrum::go([=] { c.send(&thrum::runtime::current()); });
  EXPECT_EQ(c.recv(), &standard);
  std::thread([&] {
    EXPECT_EQ(&thrum::runtime::current(), &standard);
    EXPECT_EQ(spawn([] { return 3; }).join(), 3);
  }).join();
}

TEST_P(runtimes, go_and_spawn_of_a_runtime_have_the_forms_of_the_free_ones) {
  thrum::runtime r(options());
  EXPECT_EQ(r.spawn([](int a) { return a; }, 1).join(), 1);
  EXPECT_EQ(r.spawn([](int a, int b) { return a + b; }, 1, 2).join(), 3);
  EXPECT_EQ(r.spawn([](int a, int b, int c) { return a + b + c; }, 1, 2, 3).join(), 6);
  EXPECT_EQ(r.spawn([](int a, int b, int c, int d) { return a + b + c + d; }, 1, 2, 3, 4).join(), 10);
  EXPECT_EQ(r.spawn([](auto... all) { return (all + ...); }, 1, 2, 3, 4, 5).join(), 15);
  EXPECT_EQ(r.spawn([](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(6)).join(), 6);
  EXPECT_STREQ(r.spawn({.name = "named"}, [] { return thrum::this_fiber::name(); }).join(), "named");
  EXPECT_EQ(r.spawn([](thrum::runtime* p) { return p == &thrum::runtime::current(); }, &r).join(), true);

  const chan<int> sum(10);
  r.go([=](int a) { sum.send(a); }, 1);
  r.go([=](int a, int b) { sum.send(a + b); }, 1, 1);
  r.go([=](int a, int b, int c) { sum.send(a + b + c); }, 1, 1, 1);
  r.go([=](int a, int b, int c, int d) { sum.send(a + b + c + d); }, 1, 1, 1, 1);
  r.go([=](auto... all) { sum.send((all + ...)); }, 1, 1, 1, 1, 1);
  r.go({.name = "named"}, [=, &r] { sum.send(&r == &thrum::runtime::current() ? 6 : 0); });
  int total = 0;
  for (int i = 0; i < 6; ++i) total += sum.recv().value();
  EXPECT_EQ(total, 1 + 2 + 3 + 4 + 5 + 6);
}

TEST_P(runtimes, run_may_be_called_by_several_threads_at_once) {
  thrum::runtime r(options());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < times(200); ++i)
        EXPECT_EQ(r.run([=] { return spawn([=] { return t; }).join(); }), t);
    });
  for (auto& t : threads) t.join();
}

TEST_P(runtimes, a_thousand_runtimes_leave_no_thread_and_no_file_behind) {
  run([] {}); // what the first use of anything opens for good
  const std::size_t threads = test::thread_count();
  const std::size_t files = test::open_files();
  const std::size_t n = times(250); // for each number of processors
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(run([&] {
                if (i % 3 == 0) return i;
                if (i % 3 == 1)
                  thrum::go([] { static_cast<void>(chan<int>().recv()); }); // stopped at the end
                return spawn([i] { return i; }).join();
              }),
              i);
  }
  until([&] {
    return test::thread_count() == threads;
  }); // the kernel takes its time with a thread that was joined
  EXPECT_EQ(test::open_files(), files);
}

TEST_P(runtimes, a_runtime_that_was_never_used_ends_at_once) {
  for (std::size_t i = 0; i < times(100); ++i) thrum::runtime unused(options());
}

TEST_P(runtimes, several_runtimes_exchange_values) {
  thrum::runtime one(options());
  thrum::runtime two(options());
  thrum::runtime three(with(1));
  const std::size_t n = times(2000);
  for (const std::size_t capacity : {0u, 4u}) {
    const chan<std::size_t> ab(capacity);
    const chan<std::size_t> bc(capacity);
    const chan<std::size_t> out(capacity);
    auto a = one.spawn([=] {
      for (std::size_t i = 0; i < n; ++i) ab.send(i);
      ab.close();
    });
    auto b = two.spawn([=] {
      for (const std::size_t v : ab) bc.send(v + 1);
      bc.close();
    });
    auto c = three.spawn([=] {
      for (;;) {
        std::optional<std::size_t> got;
        thrum::select(thrum::recv(bc, got), thrum::after(1h));
        if (!got) break;
        out.send(*got);
      }
      out.close();
    });
    std::size_t next = 1;
    for (const std::size_t v : out) EXPECT_EQ(v, next++); // on this thread
    EXPECT_EQ(next, n + 1);
    a.join();
    b.join();
    c.join();
  }
}

TEST_P(runtimes, fibers_of_one_runtime_start_join_and_stop_those_of_another) {
  thrum::runtime one(options());
  thrum::runtime two(with(2));
  one.run([&] {
    for (std::size_t i = 0; i < times(300); ++i) {
      auto f = two.spawn([] { return &thrum::runtime::current(); });
      EXPECT_EQ(f.join(), &two);
      auto waiting = two.spawn([] { static_cast<void>(chan<int>().recv()); });
      EXPECT_TRUE(waiting.request_stop());
      EXPECT_THROW(waiting.join(), thrum::cancelled);
      {
        auto dropped = two.spawn([] { thrum::this_fiber::sleep_for(1h); });
      }
      const chan<int> c;
      two.go([=] { c.send(1); });
      EXPECT_EQ(c.recv(), 1);
      EXPECT_EQ(&thrum::runtime::current(), &one);
    }
  });
}

TEST_P(runtimes, a_mutex_serves_fibers_of_several_runtimes_and_threads) {
  thrum::runtime one(options());
  thrum::runtime two(with(2));
  thrum::mutex m;
  std::size_t count = 0; // guarded by m
  const std::size_t n = times(2000);
  const auto work = [&] {
    for (std::size_t i = 0; i < n; ++i) {
      const std::lock_guard hold(m);
      ++count;
      if (i % 100 == 0) thrum::this_fiber::yield();
    }
  };
  auto a = one.spawn(work);
  auto b = two.spawn(work);
  std::thread c(work);
  a.join();
  b.join();
  c.join();
  EXPECT_EQ(count, 3 * n);
}

// The waker must not touch a fiber, or its runtime, after it has made the fiber ready: the fiber may be the last of a runtime that
// ends at once.
TEST_P(runtimes, a_runtime_may_end_as_soon_as_another_thread_has_woken_its_last_fiber) {
  const std::size_t n = times(400);
  const chan<int> c; // outlives them all
  std::thread sending([&] {
    for (std::size_t i = 0; i < n; ++i) c.send(1);
  });
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(run([&] { return c.recv(); }), 1);
  sending.join();

  thrum::runtime other(with(1));
  auto sender = other.spawn([&] {
    for (std::size_t i = 0; i < n; ++i) c.send(1);
  });
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(run([&] { return c.recv(); }), 1);
  sender.join();
}

TEST_P(runtimes, runtimes_may_live_in_fibers_of_others) {
  run([&] {
    const auto inner = std::make_unique<thrum::runtime>(with(1));
    EXPECT_EQ(inner->spawn([] { return 4; }).join(), 4);
    const chan<int> c;
    inner->go([=] { c.send(5); });
    EXPECT_EQ(c.recv(), 5);
  });
}

TEST_P(runtimes, idle_threads_do_not_become_more_and_more) {
  thrum::runtime r(options());
  const std::size_t before = test::thread_count();
  for (std::size_t i = 0; i < times(300); ++i) {
    // Work from outside and from inside, and time to fall asleep in between.
    r.go([] { thrum::this_fiber::sleep_for(50us); });
    r.run([] {
      std::vector<fiber<void>> some;
      for (int k = 0; k < 8; ++k) some.push_back(spawn([] { thrum::this_fiber::sleep_for(20us); }));
      for (auto& f : some) f.join();
    });
  }
  EXPECT_LE(test::thread_count(), before + 2 * GetParam() + 2);
}

// The thread that runs the first task is perhaps still being started by who launched it.
TEST_P(runtimes, one_may_end_as_soon_as_its_first_task_has) {
  run([] {
    for (std::size_t i = 0; i < times(100); ++i) {
      thrum::runtime other({.processors = 1, .name = "other"});
      chan<int> done;
      auto launches = spawn([&] { other.go([done]() mutable { done.send(7); }); });
      EXPECT_EQ(done.recv(), 7);
      launches.detach();
    }
  });
}

THRUM_ON_PROCESSORS(runtimes);
