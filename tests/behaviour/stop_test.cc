// Stop requests: every wait sees them, and a value in motion is delivered or withdrawn, never both and never neither.
#include "support/ledger.h"
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/mutex.h>
#include <thrum/thrum.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::ends;
using test::how_it_ends;
using test::times;
using test::until;
using thrum::cancelled;
using thrum::chan;
using thrum::chan_status;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::yield;

class stopping : public test::on_processors {};

struct waiting_form {
  const char* name;
  std::function<void()> run;
};

const std::vector<waiting_form>& waits() {
  static const std::vector<waiting_form> all = {
      {"send", [] { chan<int>().send(1); }},
      {"recv", [] { static_cast<void>(chan<int>().recv()); }},
      {"send to nil", [] { chan<int>(nullptr).send(1); }},
      {"recv from nil", [] { static_cast<void>(chan<int>(nullptr).recv()); }},
      {"range-for",
       [] {
         for ([[maybe_unused]] const int v : chan<int>()) {}
       }},
      {"send_for",
       [] {
         int v = 1;
         static_cast<void>(chan<int>().send_for(v, 24h));
       }},
      {"recv_for", [] { static_cast<void>(chan<int>().recv_for(24h)); }},
      {"recv_for on nil", [] { static_cast<void>(chan<int>(nullptr).recv_for(24h)); }},
      {"select", [] { thrum::select(thrum::recv(chan<int>()), thrum::send(chan<int>(), 1)); }},
      {"select with a time", [] { thrum::select(thrum::recv(chan<int>()), thrum::after(24h)); }},
      {"select of a time only", [] { thrum::select(thrum::after(24h)); }},
      {"select of nothing", [] { thrum::select(); }},
      {"sleep_for", [] { thrum::this_fiber::sleep_for(24h); }},
      {"sleep_until", [] { thrum::this_fiber::sleep_until(std::chrono::steady_clock::now() + 24h); }},
      {"join", [] { spawn([] { static_cast<void>(chan<int>().recv()); }).join(); }},
      {"wait_for",
       [] { static_cast<void>(spawn([] { static_cast<void>(chan<int>().recv()); }).wait_for(24h)); }},
      {"check",
       [] {
         until([] { return thrum::this_fiber::stop_requested(); });
         thrum::this_fiber::check();
       }},
  };
  return all;
}

} // namespace

TEST_P(stopping, every_wait_throws_before_and_while_it_waits) {
  run([] {
    for (const waiting_form& w : waits())
      for (const bool parked : {false, true})
        EXPECT_EQ(how_it_ends(w.run, parked), ends::after_waiting) << w.name;
  });
}

TEST_P(stopping, once_asked_every_further_wait_throws_again) {
  run([] {
    auto f = spawn([] {
      for (int round = 0; round < 2; ++round)
        for (const waiting_form& w : waits()) EXPECT_THROW(w.run(), cancelled) << w.name;
      EXPECT_TRUE(thrum::this_fiber::stop_requested());
    });
    f.request_stop();
    f.join();
  });
}

TEST_P(stopping, what_need_not_wait_is_done_although_a_stop_was_asked_for) {
  run([] {
    auto f = spawn([] {
      until([] { return thrum::this_fiber::stop_requested(); });
      const chan<int> c(1);
      c.send(1);
      EXPECT_EQ(c.recv(), 1);
      EXPECT_EQ(thrum::select(thrum::send(c, 2)), 0u);
      EXPECT_EQ(c.try_recv(), 2);
      c.close();
      EXPECT_EQ(c.recv(), std::nullopt);
      thrum::this_fiber::sleep_for(0s);
      yield();
      thrum::go([] {});
      auto other = spawn([] { return 5; });
      until([&] { return other.ended(); });
      EXPECT_EQ(other.join(), 5);
      thrum::mutex m;
      const std::lock_guard hold(m);
    });
    f.request_stop();
    f.join();
  });
}

TEST_P(stopping, a_stop_request_comes_before_a_deadline_that_has_passed) {
  run([] {
    auto f = spawn([] {
      until([] { return thrum::this_fiber::stop_requested(); });
      const chan<int> c;
      int v = 1;
      EXPECT_THROW(static_cast<void>(c.send_for(v, 0s)), cancelled);
      EXPECT_THROW(static_cast<void>(c.recv_for(0s)), cancelled);
      EXPECT_THROW(thrum::select(thrum::recv(c), thrum::after(0s)), cancelled);
      EXPECT_EQ(thrum::select(thrum::recv(c), thrum::otherwise()), 1u);
      EXPECT_EQ(c.try_recv().error(), chan_status::would_block);
    });
    f.request_stop();
    f.join();
  });
}

TEST_P(stopping, the_reason_says_who_asked) {
  run([] {
    auto f = spawn([] {
      try {
        static_cast<void>(chan<int>().recv());
      } catch (const cancelled& c) { return c.reason(); }
      return thrum::cancel_reason::shutdown;
    });
    f.request_stop();
    EXPECT_EQ(f.join(), thrum::cancel_reason::user);
  });
  std::atomic<int> reason{-1};
  run([&] {
    thrum::go([&] {
      try {
        static_cast<void>(chan<int>().recv());
      } catch (const cancelled& c) {
        reason = static_cast<int>(c.reason());
        throw;
      }
    });
  });
  EXPECT_EQ(reason, static_cast<int>(thrum::cancel_reason::shutdown));
}

TEST_P(stopping, request_stop_says_whether_it_was_the_first) {
  run([] {
    auto f = spawn([] { static_cast<void>(chan<int>().recv()); });
    EXPECT_TRUE(f.request_stop());
    EXPECT_FALSE(f.request_stop());
    EXPECT_THROW(f.join(), cancelled);
    auto done = spawn([] {});
    until([&] { return done.ended(); });
    EXPECT_FALSE(done.request_stop());
  });
}

TEST_P(stopping, a_fiber_that_never_waits_is_not_disturbed) {
  run([] {
    EXPECT_FALSE(thrum::this_fiber::stop_requested());
    thrum::this_fiber::check();
    auto f = spawn([] {
      until([] { return thrum::this_fiber::stop_requested(); });
      return 3;
    });
    f.request_stop();
    EXPECT_EQ(f.join(), 3);
  });
  EXPECT_FALSE(thrum::this_fiber::stop_requested());
  EXPECT_NO_THROW(thrum::this_fiber::check());
}

TEST_P(stopping, a_stopped_send_or_receive_leaves_nothing_behind) {
  const std::size_t rounds = times(2500);
  test::ledger l(rounds);
  run([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      // A sender that is stopped and a receiver that comes at that moment: both say the same.
      const chan<test::token> c;
      auto sending = spawn([&, i] {
        test::token t(l, i);
        try {
          if (i % 2 == 0)
            thrum::select(thrum::send(c, std::move(t)));
          else
            static_cast<void>(c.send_for(t, 1h));
          EXPECT_FALSE(t.is_worth_something());
          return true;
        } catch (const cancelled&) {
          EXPECT_TRUE(t.is_worth_something());
          return false;
        }
      });
      auto stopper = spawn([&] { sending.request_stop(); });
      if (i % 3 == 0) yield();
      const bool received = c.try_recv().has_value();
      stopper.join();
      EXPECT_EQ(sending.join(), received);
      EXPECT_EQ(c.try_recv().error(), chan_status::would_block);
    }
  });
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

TEST_P(stopping, a_stopped_receiver_took_the_value_or_left_it) {
  const std::size_t rounds = times(2500);
  test::ledger l(rounds);
  run([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      const chan<test::token> c;
      auto receiving = spawn([&, i] {
        try {
          if (i % 3 == 0) return c.recv().has_value();
          if (i % 3 == 1) return c.recv_for(1h).has_value();
          std::optional<test::token> got;
          thrum::select(thrum::recv(chan<int>()), thrum::recv(c, got));
          return got.has_value();
        } catch (const cancelled&) { return false; }
      });
      auto stopper = spawn([&] { receiving.request_stop(); });
      if (i % 2 == 0) yield();
      test::token t(l, i);
      const bool sent = c.try_send(t) == chan_status::ok;
      stopper.join();
      EXPECT_EQ(receiving.join(), sent);
      EXPECT_EQ(t.is_worth_something(), !sent);
    }
  });
  EXPECT_TRUE(l.every_token_was_destroyed_once());
}

TEST_P(stopping, a_stopped_join_may_be_repeated) {
  run([] {
    for (std::size_t i = 0; i < times(500); ++i) {
      const chan<int> hold;
      auto inner = spawn([=] { return hold.recv().value(); });
      auto joining = spawn([&] {
        try {
          return inner.join();
        } catch (const cancelled&) { return -1; }
      });
      if (i % 2 == 0) yield();
      auto stopper = spawn([&] { joining.request_stop(); });
      auto sender = spawn([=] { hold.send(7); });
      stopper.join();
      const int result = joining.join();
      if (result == -1) {
        EXPECT_TRUE(inner.joinable());
        EXPECT_EQ(inner.join(), 7);
      } else {
        EXPECT_EQ(result, 7);
      }
      sender.join();
    }
  });
}

TEST_P(stopping, a_stopped_sleeper_wakes_at_once_and_leaves_no_timer) {
  run([] {
    std::vector<fiber<void>> sleeping;
    for (std::size_t i = 0; i < times(1000); ++i)
      sleeping.push_back(
          spawn([i] { thrum::this_fiber::sleep_for(std::chrono::microseconds(1 + i * 13 % 400)); }));
    std::size_t k = 0;
    for (auto& f : sleeping)
      if (k++ % 2 == 0) f.request_stop();
    std::size_t stopped = 0;
    for (auto& f : sleeping) {
      try {
        f.join();
      } catch (const cancelled&) { ++stopped; }
    }
    EXPECT_LE(stopped, (k + 1) / 2);
  });
}

namespace {

// A destructor that waits: what it waits for comes, so it must not be interrupted.
struct says_goodbye {
  chan<int> out;
  chan<int> in;
  bool* done;
  ~says_goodbye() {
    out.send(1);
    static_cast<void>(in.recv());
    thrum::this_fiber::sleep_for(10us);
    std::optional<int> got;
    thrum::select(thrum::recv(in, got), thrum::after(1h));
    spawn([] { yield(); }).join();
    *done = true;
  }
};

} // namespace

TEST_P(stopping, waits_of_destructors_during_unwinding_do_not_throw) {
  run([] {
    for (std::size_t i = 0; i < times(200); ++i) {
      const chan<int> out;
      const chan<int> in;
      bool done = false;
      auto f = spawn([&] {
        const says_goodbye at_end{out, in, &done};
        static_cast<void>(chan<int>().recv());
      });
      f.request_stop();
      EXPECT_EQ(out.recv(), 1);
      in.send(1);
      in.send(2);
      EXPECT_THROW(f.join(), cancelled);
      EXPECT_TRUE(done);
    }
  });
}

TEST_P(stopping, after_the_unwinding_waits_throw_again) {
  run([] {
    auto f = spawn([] {
      int caught = 0;
      for (int i = 0; i < 3; ++i) {
        try {
          static_cast<void>(chan<int>().recv());
        } catch (const cancelled&) { ++caught; }
      }
      return caught;
    });
    f.request_stop();
    EXPECT_EQ(f.join(), 3);
  });
}

TEST_P(stopping, destroying_a_handle_stops_and_joins_the_fiber) {
  run([] {
    for (std::size_t i = 0; i < times(1000); ++i) {
      bool unwound = false; // plain: the destructor of the handle comes after
      {
        auto f = spawn([&] {
          struct note {
            bool& flag;
            ~note() { flag = true; }
          } at_end{unwound};
          if (i % 3 == 0) yield();
          if (i % 3 == 1) thrum::this_fiber::sleep_for(1h);
          static_cast<void>(chan<int>().recv());
        });
        if (i % 2 == 0) yield();
      }
      EXPECT_TRUE(unwound) << "also if it had not begun: it runs to its first wait";
    }
  });
}

TEST_P(stopping, destroying_a_handle_does_not_throw_in_a_fiber_that_is_asked_to_stop_itself) {
  run([] {
    std::atomic<int> ended{0};
    auto outer = spawn([&] {
      auto inner = spawn([&] {
        try {
          static_cast<void>(chan<int>().recv());
        } catch (const cancelled&) {
          yield();
          ++ended;
          throw;
        }
      });
      static_cast<void>(chan<int>().recv());
    });
    yield();
    outer.request_stop();
    EXPECT_THROW(outer.join(), cancelled);
    EXPECT_EQ(ended, 1);
  });
}

TEST_P(stopping, a_lock_is_taken_although_a_stop_was_asked_for) {
  run([] {
    thrum::mutex m;
    std::atomic<bool> waiting{false};
    m.lock();
    auto f = spawn([&] {
      waiting = true;
      const std::lock_guard hold(m);
      return 5;
    });
    until([&] { return waiting.load(); });
    yield();
    f.request_stop();
    yield();
    EXPECT_FALSE(f.ended());
    m.unlock();
    EXPECT_EQ(f.join(), 5);
  });
}

TEST_P(stopping, plain_threads_may_ask) {
  thrum::runtime r(options());
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < times(500); ++i) {
        auto f = r.spawn([=] {
          if (t == 0) thrum::this_fiber::sleep_for(1h);
          if (t == 1) static_cast<void>(chan<int>().recv());
          for (;;) {
            yield();
            thrum::this_fiber::check();
          }
        });
        if (i % 3 == 0) std::this_thread::yield();
        EXPECT_TRUE(f.request_stop());
        EXPECT_THROW(f.join(), cancelled);
      }
    });
  for (auto& t : threads) t.join();
}

THRUM_ON_PROCESSORS(stopping);
