// The end of a runtime: what nobody joins is asked to stop and its destructors run; what does not stop is named and left.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using test::until;
using thrum::chan;
using thrum::spawn;
using thrum::this_fiber::yield;

class drain : public test::on_processors {};

struct counting {
  std::atomic<int>* alive;
  explicit counting(std::atomic<int>& a) : alive(&a) { ++*alive; }
  counting(counting&& other) noexcept : alive(other.alive) { ++*alive; }
  ~counting() { --*alive; }
};

} // namespace

TEST_P(drain, parked_fibers_are_stopped_and_their_destructors_run) {
  std::atomic<int> alive{0};
  std::atomic<int> stopped{0};
  run([&] {
    const chan<int> nobody_sends;
    const chan<int> nobody_receives;
    const auto park = [&](auto wait) {
      for (int i = 0; i < 20; ++i)
        thrum::go([&, wait, captured = counting(alive)] {
          const counting local(alive);
          try {
            wait();
          } catch (const thrum::cancelled& c) {
            EXPECT_EQ(c.reason(), thrum::cancel_reason::shutdown);
            ++stopped;
            throw;
          }
        });
    };
    park([=] { static_cast<void>(nobody_sends.recv()); });
    park([=] { nobody_receives.send(1); });
    park([] { thrum::this_fiber::sleep_for(24h); });
    park([=] { thrum::select(thrum::recv(nobody_sends), thrum::after(24h)); });
    park([] { thrum::select(); });
    park([] { spawn([] { static_cast<void>(chan<int>().recv()); }).join(); });
    park([] {
      for (;;) {
        yield();
        thrum::this_fiber::check();
      }
    });
    // Some run already, some have not begun.
    for (int i = 0; i < 50; ++i) yield();
  });
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(stopped, 7 * 20);
}

TEST_P(drain, fibers_that_have_not_begun_run_to_their_first_wait) {
  std::atomic<int> begun{0};
  std::atomic<int> alive{0};
  run([&] {
    for (int i = 0; i < 1000; ++i)
      thrum::go([&, c = counting(alive)] {
        ++begun;
        static_cast<void>(chan<int>().recv());
      });
  });
  EXPECT_EQ(begun, 1000);
  EXPECT_EQ(alive, 0);
}

TEST_P(drain, fibers_that_finish_by_themselves_are_waited_for) {
  std::atomic<int> done{0};
  run([&] {
    for (int i = 0; i < 100; ++i)
      thrum::go([&] {
        for (int k = 0; k < 100; ++k) yield();
        ++done;
      });
  });
  EXPECT_EQ(done, 100);
}

TEST_P(drain, fibers_that_are_started_during_the_end_are_stopped_too) {
  std::atomic<int> alive{0};
  std::atomic<int> started{0};
  run([&] {
    struct starts_more {
      std::atomic<int>& alive;
      std::atomic<int>& started;
      int left;
      void operator()() const {
        const counting c(alive);
        ++started;
        try {
          static_cast<void>(chan<int>().recv());
        } catch (...) {
          if (left != 0) thrum::go(starts_more{alive, started, left - 1});
          throw;
        }
      }
    };
    for (int i = 0; i < 10; ++i) thrum::go(starts_more{alive, started, 5});
  });
  EXPECT_EQ(started, 60);
  EXPECT_EQ(alive, 0);
}

TEST_P(drain, destructors_may_wait_for_each_other_at_the_end) {
  std::atomic<int> done{0};
  run([&] {
    const chan<int> a;
    const chan<int> b;
    struct farewell {
      chan<int> out;
      chan<int> in;
      std::atomic<int>& done;
      bool first;
      ~farewell() {
        if (first) out.send(1);
        static_cast<void>(in.recv());
        if (!first) out.send(1);
        ++done;
      }
    };
    thrum::go([=, &done] {
      const farewell f{a, b, done, true};
      static_cast<void>(chan<int>().recv());
    });
    thrum::go([=, &done] {
      const farewell f{b, a, done, false};
      static_cast<void>(chan<int>().recv());
    });
    for (int i = 0; i < 10; ++i) yield();
  });
  EXPECT_EQ(done, 2);
}

TEST_P(drain, a_graph_of_parked_fibers_and_their_channels_is_freed) {
  std::atomic<int> alive{0};
  run([&] {
    // Each fiber holds the channel of the next, in a ring.
    std::vector<chan<counting>> ring;
    for (int i = 0; i < 50; ++i) ring.emplace_back(2);
    for (std::size_t i = 0; i < ring.size(); ++i)
      thrum::go([&alive, mine = ring[i], next = ring[(i + 1) % ring.size()]] {
        next.send(counting(alive));
        for (;;) next.send(*mine.recv());
      });
    for (int i = 0; i < 100; ++i) yield();
  });
  EXPECT_EQ(alive, 0);
}

TEST_P(drain, many_parked_fibers_end_together) {
  const std::size_t n = times(10'000);
  std::atomic<int> alive{0};
  run([&] {
    const chan<int> never;
    std::atomic<std::size_t> here{0};
    for (std::size_t i = 0; i < n; ++i)
      thrum::go([&, never] {
        const counting c(alive);
        ++here;
        static_cast<void>(never.recv());
      });
    until([&] { return here == n; });
  });
  EXPECT_EQ(alive, 0);
}

TEST_P(drain, a_handle_that_waits_elsewhere_sees_the_end) {
  auto r = std::make_unique<thrum::runtime>(options());
  auto f = r->spawn([] { static_cast<void>(chan<int>().recv()); });
  std::thread joining([&] { EXPECT_THROW(f.join(), thrum::cancelled); });
  r.reset();
  joining.join();
}

TEST_P(drain, many_runtimes_with_parked_fibers_end_one_after_the_other) {
  for (std::size_t i = 0; i < times(200); ++i) {
    std::atomic<int> alive{0};
    run([&] {
      const chan<int> c;
      for (int k = 0; k < 4; ++k)
        thrum::go([&, c] {
          const counting here(alive);
          static_cast<void>(c.recv());
        });
      if (i % 2 == 0) yield();
      if (i % 3 == 0) c.close();
    });
    EXPECT_EQ(alive, 0);
  }
}

TEST_P(drain, the_longest_limit_is_as_long_as_it_takes) {
  struct slow {
    bool& done;
    ~slow() {
      thrum::this_fiber::sleep_for(1ms);
      done = true;
    }
  };
  bool unwound = false; // plain: the end of every fiber comes before the return of run
  thrum::options o = options();
  o.drain = std::chrono::milliseconds::max();
  thrum::run(
      [&] {
        thrum::go([&] {
          const slow at_end{unwound};
          static_cast<void>(chan<int>().recv());
        });
      },
      o);
  EXPECT_TRUE(unwound);
}

// The report goes to standard error and names at most eight of them.
TEST_P(drain, fibers_that_do_not_stop_are_named_and_left_behind) {
  // On purpose immortal: what is left behind goes on using it.
  struct shared {
    std::atomic<bool> let_go{false};
    std::atomic<int> left{3};
  };
  static std::vector<shared*>& immortal = *new std::vector<shared*>;
  auto* s = immortal.emplace_back(new shared);
  testing::internal::CaptureStderr();
  {
    thrum::options o = options();
    o.drain = 50ms;
    o.name = "stubborn";
    thrum::run(
        [=] {
          for (int i = 0; i < 3; ++i)
            thrum::go({.name = "deaf"}, [=] {
              while (!s->let_go) yield();
              --s->left;
            });
        },
        o);
  }
  const std::string report = testing::internal::GetCapturedStderr();
  EXPECT_NE(report.find("'stubborn'"), std::string::npos) << report;
  EXPECT_NE(report.find("'deaf'"), std::string::npos) << report;
  EXPECT_NE(report.find("drain_test.cc:"), std::string::npos) << report;
  EXPECT_EQ(s->left, 3);
  s->let_go = true; // they run on, on threads of their own
  until([&] { return s->left == 0; });
}

THRUM_ON_PROCESSORS(drain);
