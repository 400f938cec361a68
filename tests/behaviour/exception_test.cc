// Exceptions and errno belong to the fiber, not to the thread it happens to run on.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::yield;

class exceptions : public test::on_processors {};

// Not inlined, and laundered: compilers cache the address of errno across calls, as they do for any thread-local.
[[gnu::noinline]] int read_errno() {
  asm volatile("" ::: "memory");
  return errno;
}
[[gnu::noinline]] void write_errno(int value) {
  errno = value;
  asm volatile("" ::: "memory");
}
// Likewise: std::uncaught_exceptions() reads the thread's block.
[[gnu::noinline]] int uncaught() {
  asm volatile("" ::: "memory");
  return std::uncaught_exceptions();
}

} // namespace

// Two fibers that park inside their catch blocks would take each other's exception if it belonged to the thread.
TEST_P(exceptions, a_fiber_that_parks_in_a_catch_block_rethrows_its_own_exception) {
  run([] {
    const std::size_t rounds = times(200);
    std::vector<fiber<void>> all;
    const chan<int> hand_over;
    for (int i = 0; i < 8; ++i)
      all.push_back(spawn([=] {
        for (std::size_t round = 0; round < rounds; ++round) {
          const std::string mine = "fiber " + std::to_string(i) + " round " + std::to_string(round);
          try {
            try {
              throw std::runtime_error(mine);
            } catch (...) {
              yield();
              if (i % 2 == 0)
                hand_over.send(i);
              else
                static_cast<void>(hand_over.recv());
              if (round % 5 == 0) thrum::this_fiber::sleep_for(5us);
              throw;
            }
          } catch (const std::runtime_error& e) { EXPECT_EQ(e.what(), mine); }
        }
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(exceptions, current_exception_is_the_fibers_own_after_a_park) {
  run([] {
    std::vector<fiber<void>> all;
    for (int i = 0; i < 10; ++i)
      all.push_back(spawn([=] {
        EXPECT_EQ(std::current_exception(), nullptr);
        for (std::size_t k = 0; k < times(100); ++k) {
          try {
            throw i;
          } catch (...) {
            const std::exception_ptr before = std::current_exception();
            yield();
            EXPECT_EQ(std::current_exception(), before);
            try {
              throw -i;
            } catch (int inner) { // nested
              yield();
              EXPECT_EQ(inner, -i);
            }
            EXPECT_EQ(std::current_exception(), before);
          }
          EXPECT_EQ(std::current_exception(), nullptr);
          yield();
        }
      }));
    for (auto& f : all) f.join();
  });
}

namespace {

// Waits in its destructor, also while the stack is being unwound.
struct waits_at_end {
  chan<int> ping;
  chan<int> pong;
  int expected;
  ~waits_at_end() {
    EXPECT_EQ(uncaught(), expected);
    ping.send(1);
    EXPECT_EQ(uncaught(), expected);
    static_cast<void>(pong.recv());
    yield();
    EXPECT_EQ(uncaught(), expected);
  }
};

} // namespace

TEST_P(exceptions, the_count_of_exceptions_in_flight_belongs_to_the_fiber) {
  run([] {
    const chan<int> ping;
    const chan<int> pong;
    const std::size_t rounds = times(300);
    auto unwinding = spawn([=] {
      for (std::size_t i = 0; i < rounds; ++i) {
        try {
          const waits_at_end inner{ping, pong, 1};
          throw 1;
        } catch (int) { EXPECT_EQ(uncaught(), 0); }
        const waits_at_end calm{ping, pong, 0};
      }
    });
    auto answering = spawn([=] {
      for (std::size_t i = 0; i < 2 * rounds; ++i) {
        static_cast<void>(ping.recv());
        EXPECT_EQ(uncaught(), 0) << "not of the fiber that ran here before";
        pong.send(1);
      }
    });
    unwinding.join();
    answering.join();
  });
}

TEST_P(exceptions, an_exception_may_travel_between_fibers_and_threads) {
  run([] {
    const chan<std::exception_ptr> errors(1);
    const std::size_t rounds = times(500);
    auto throwing = spawn([=] {
      for (std::size_t i = 0; i < rounds; ++i) {
        try {
          throw std::runtime_error(std::to_string(i));
        } catch (...) { errors.send(std::current_exception()); }
      }
      errors.close();
    });
    std::size_t next = 0;
    for (const std::exception_ptr& e : errors) {
      try {
        std::rethrow_exception(e);
      } catch (const std::runtime_error& error) { EXPECT_EQ(error.what(), std::to_string(next++)); }
    }
    EXPECT_EQ(next, rounds);
    throwing.join();
  });
}

TEST_P(exceptions, an_exception_passes_many_frames_and_their_destructors_on_a_fibers_stack) {
  struct deep {
    static int down(int depth, int& unwound) {
      struct count {
        int& n;
        ~count() { ++n; }
      } counting{unwound};
      if (depth == 0) throw depth;
      if (depth % 16 == 0) yield();
      return down(depth - 1, unwound) + 1;
    }
  };
  run([] {
    int unwound = 0;
    EXPECT_THROW(deep::down(200, unwound), int);
    EXPECT_EQ(unwound, 201);
  });
}

TEST_P(exceptions, errno_is_kept_across_a_wait) {
  run([] {
    std::vector<fiber<void>> all;
    const chan<int> hand_over;
    for (int i = 1; i <= 8; ++i)
      all.push_back(spawn([=] {
        for (std::size_t k = 0; k < times(300); ++k) {
          write_errno(i * 1000 + static_cast<int>(k));
          yield();
          EXPECT_EQ(read_errno(), i * 1000 + static_cast<int>(k));
          if (i % 2 == 0)
            hand_over.send(i);
          else
            static_cast<void>(hand_over.recv());
          EXPECT_EQ(read_errno(), i * 1000 + static_cast<int>(k));
          if (k % 10 == 0) thrum::this_fiber::sleep_for(3us);
          EXPECT_EQ(read_errno(), i * 1000 + static_cast<int>(k));
        }
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(exceptions, a_new_fiber_begins_with_no_errno_and_no_exception) {
  run([] {
    write_errno(77);
    for (int i = 0; i < 200; ++i) {
      try {
        throw 1;
      } catch (int) {
        spawn([] {
          EXPECT_EQ(read_errno(), 0);
          EXPECT_EQ(uncaught(), 0);
          EXPECT_EQ(std::current_exception(), nullptr);
          write_errno(78);
        }).join();
      }
    }
    EXPECT_EQ(read_errno(), 77);
  });
}

TEST_P(exceptions, on_unhandled_gets_what_left_a_detached_fiber) {
  const std::size_t n = times(200);
  std::atomic<std::size_t> called{0};
  thrum::options o = options();
  o.on_unhandled = [&](std::exception_ptr e) {
    try {
      std::rethrow_exception(e);
    } catch (int v) {
      EXPECT_EQ(v, 5);
      EXPECT_NE(thrum::this_fiber::id(), 0u) << "on that fiber";
      yield(); // it may wait
      ++called;
    }
  };
  thrum::run(
      [&] {
        for (std::size_t i = 0; i < n; ++i) thrum::go([] { throw 5; });
        thrum::go([] { throw thrum::cancelled(thrum::cancel_reason::user); }); // just ends the fiber
        test::until([&] { return called == n; });
      },
      o);
  EXPECT_EQ(called, n);
}

// spawn.h: the exception of a handle that is destroyed without a join goes to on_unhandled, unless it is `cancelled`.
TEST_P(exceptions, on_unhandled_gets_what_a_destroyed_handle_would_have_thrown) {
  std::atomic<int> called{0};
  thrum::options o = options();
  o.on_unhandled = [&](std::exception_ptr) { ++called; };
  thrum::run(
      [&] {
        {
          auto failed = spawn([] { throw 5; });
          test::until([&] { return failed.ended(); });
        }
        {
          auto failing = spawn([] {
            try {
              static_cast<void>(chan<int>().recv());
            } catch (const thrum::cancelled&) { throw 6; }
          });
        }
        {
          auto stopped = spawn([] { static_cast<void>(chan<int>().recv()); });
        }
      },
      o);
  EXPECT_EQ(called, 2);
}

THRUM_ON_PROCESSORS(exceptions);
