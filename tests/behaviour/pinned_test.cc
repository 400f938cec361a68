// pinned.h: a fiber that stays on its thread, and has it for itself.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/pinned.h>
#include <thrum/thrum.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::pinned;
using thrum::spawn;
using thrum::this_fiber::yield;

class pinned_fibers : public test::on_processors {
protected:
  // Where everybody else moves all the time.
  template <class F> static void run_migrating(F&& f) {
    ::setenv("THRUM_DEBUG", "migrate", 1);
    thrum::runtime r(options());
    ::unsetenv("THRUM_DEBUG");
    r.run(std::forward<F>(f));
  }
};

// Not inlined, with a barrier: what belongs to a thread is cached across calls.
[[gnu::noinline]] std::thread::id thread_now() {
  asm volatile("" ::: "memory");
  return std::this_thread::get_id();
}

// The pinned fiber that has this thread, or 0.
thread_local int owner = 0;
[[gnu::noinline]] int& owner_now() {
  int* p = &owner;
  asm volatile("" : "+r"(p)::"memory");
  return *p;
}

// Parks in all the ways there are, and looks where it is after each.
void stays(int self, std::size_t rounds, const chan<int>& meet, thrum::mutex& m) {
  const pinned here;
  const std::thread::id home = thread_now();
  EXPECT_EQ(owner_now(), 0);
  owner_now() = self;
  for (std::size_t k = 0; k < rounds; ++k) {
    if (self % 2 == 0)
      meet.send(self);
    else
      static_cast<void>(meet.recv());
    EXPECT_EQ(thread_now(), home);
    yield();
    EXPECT_EQ(thread_now(), home);
    if (k % 8 == 0) thrum::this_fiber::sleep_for(5us);
    EXPECT_EQ(thread_now(), home);
    {
      const std::lock_guard hold(m);
      yield();
      EXPECT_EQ(thread_now(), home);
    }
    spawn([] { EXPECT_EQ(owner_now(), 0) << "another fiber runs on a thread that is somebody's"; }).join();
    EXPECT_EQ(thread_now(), home);
    EXPECT_EQ(owner_now(), self);
  }
  owner_now() = 0;
}

void all_stay(std::size_t rounds) {
  const chan<int> meet;
  thrum::mutex m;
  std::atomic<bool> over{false};
  std::vector<fiber<void>> others;
  for (int i = 0; i < 3; ++i)
    others.push_back(spawn([&] {
      while (!over) {
        EXPECT_EQ(owner_now(), 0) << "another fiber runs on a thread that is somebody's";
        yield();
      }
    }));
  std::vector<fiber<void>> all;
  for (int i = 1; i <= 4; ++i) all.push_back(spawn([&, i] { stays(i, rounds, meet, m); }));
  for (auto& f : all) f.join();
  over = true;
  for (auto& f : others) f.join();
}

} // namespace

TEST_P(pinned_fibers, stay_on_their_threads_and_have_them_for_themselves) {
  run([] { all_stay(times(15)); });
}

TEST_P(pinned_fibers, stay_where_everybody_else_migrates) {
  run_migrating([] { all_stay(2); }); // each yield of the others changes threads
}

TEST_P(pinned_fibers, may_be_nested_and_are_free_afterwards) {
  run_migrating([] {
    const std::thread::id home = thread_now();
    {
      const pinned outer;
      {
        const pinned inner;
        thrum::this_fiber::sleep_for(1us);
        EXPECT_EQ(thread_now(), home);
      }
      thrum::this_fiber::sleep_for(1us);
      EXPECT_EQ(thread_now(), home);
    }
    std::thread::id last = home;
    for (int i = 0; i < 5; ++i) {
      thrum::this_fiber::sleep_for(1us);
      EXPECT_NE(thread_now(), last);
      last = thread_now();
    }
  });
}

TEST_P(pinned_fibers, do_not_keep_others_from_running) {
  run([] {
    std::atomic<int> ran{0};
    for (int i = 0; i < 50; ++i) thrum::go([&] { ++ran; });
    const pinned here;
    // A thread's wait, not a fiber's: only other threads can end it.
    while (ran != 50) std::this_thread::yield();
  });
}

TEST_P(pinned_fibers, talk_to_others_from_their_own_threads) {
  run([] {
    const chan<int> ping;
    const chan<int> pong;
    auto other = spawn([=] {
      const pinned here;
      while (auto v = ping.recv()) pong.send(*v + 1);
    });
    {
      const pinned here;
      for (int i = 0; i < static_cast<int>(times(200)); ++i) {
        ping.send(i);
        EXPECT_EQ(pong.recv().value(), i + 1);
      }
    }
    ping.close();
    other.join();
  });
}

TEST_P(pinned_fibers, are_stopped_as_others_are) {
  run([] {
    auto waits = spawn([] {
      const pinned here;
      static_cast<void>(chan<int>().recv());
    });
    yield();
    waits.request_stop();
    EXPECT_THROW(waits.join(), thrum::cancelled);
    for (int i = 0; i < 3; ++i) // and at the end of the runtime
      thrum::go([] {
        const pinned here;
        static_cast<void>(chan<int>().recv());
      });
  });
}

TEST_P(pinned_fibers, come_and_go) {
  run([] {
    thrum::wait_group all;
    for (std::size_t i = 0; i < times(100); ++i)
      all.go([] {
        const pinned here;
        const std::thread::id home = thread_now();
        yield();
        EXPECT_EQ(thread_now(), home);
      });
    all.wait();
  });
}

TEST_P(pinned_fibers, are_refused_when_there_would_be_no_threads_for_others) {
  thrum::options o = options();
  o.max_threads = o.processors + 2;
  thrum::run(
      [] {
        const chan<int> end;
        const chan<int> begun;
        std::vector<fiber<void>> two;
        for (int i = 0; i < 2; ++i)
          two.push_back(spawn([=] {
            const pinned here;
            begun.send(0);
            static_cast<void>(end.recv());
          }));
        for (int i = 0; i < 2; ++i) static_cast<void>(begun.recv());
        EXPECT_THROW(const pinned third, std::system_error);
        end.close();
        for (auto& f : two) f.join();
        const pinned now_there_is_room;
      },
      o);
}

TEST(pinned_on_a_thread, does_nothing) {
  const pinned outer;
  const pinned inner;
}

THRUM_ON_PROCESSORS(pinned_fibers);
