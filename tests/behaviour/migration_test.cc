// What a program may count on when its fibers change threads at their waits: exceptions, errno, and values of its own; and what it
// may not. Each test runs with THRUM_DEBUG=migrate, which lets no fiber go on on the thread where it parked, so that the
// smallest program shows what else needs a busy machine.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::spawn;
using thrum::this_fiber::yield;

class migration : public test::on_processors {
protected:
  // The variable is read when the runtime is made, and only then.
  template <class F> static void run(F&& f) {
    ::setenv("THRUM_DEBUG", "migrate", 1);
    thrum::runtime r(options());
    ::unsetenv("THRUM_DEBUG");
    r.run(std::forward<F>(f));
  }
};

// Not inlined, with a barrier: compilers keep the addresses of what belongs to a thread across calls.
[[gnu::noinline]] std::thread::id thread_now() {
  asm volatile("" ::: "memory");
  return std::this_thread::get_id();
}
[[gnu::noinline]] int read_errno() {
  asm volatile("" ::: "memory");
  return errno;
}
[[gnu::noinline]] void write_errno(int value) {
  errno = value;
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] int uncaught() {
  asm volatile("" ::: "memory");
  return std::uncaught_exceptions();
}

thread_local int of_the_thread = 0;
// Laundered: so that each call asks for the address anew.
[[gnu::noinline]] int* address_now() {
  int* p = &of_the_thread;
  asm volatile("" : "+r"(p)::"memory");
  return p;
}

// Parks once: there and back over a channel to a fiber that answers.
class answerer {
public:
  answerer()
      : fiber_(spawn([ask = ask_, answer = answer_] {
          while (ask.recv()) answer.send(0);
        })) {}
  ~answerer() {
    ask_.close();
    fiber_.join();
  }
  void park() const {
    ask_.send(0);
    static_cast<void>(answer_.recv());
  }

private:
  chan<int> ask_;
  chan<int> answer_;
  fiber<void> fiber_;
};

} // namespace

TEST_P(migration, a_fiber_goes_on_on_another_thread_after_each_park) {
  run([] {
    const chan<int> ch;
    auto other = spawn([=] {
      while (ch.recv()) {}
    });
    std::size_t moves = 0;
    for (std::size_t i = 0; i < times(100); ++i) {
      const std::thread::id before = thread_now();
      thrum::this_fiber::sleep_for(std::chrono::microseconds(1));
      EXPECT_NE(thread_now(), before);
      ++moves;
    }
    ch.close();
    other.join();
    EXPECT_EQ(moves, times(100));
  });
}

TEST_P(migration, fibers_that_yield_do_not_keep_timers_and_the_global_queue_waiting) {
  run([] {
    std::atomic<bool> over{false};
    std::vector<fiber<void>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(spawn([&] {
        while (!over) yield();
      }));
    thrum::this_fiber::sleep_for(std::chrono::microseconds(1));
    const chan<int> from_a_thread;
    std::thread sender([=] { from_a_thread.send(1); });
    EXPECT_EQ(from_a_thread.recv(), 1);
    over = true;
    for (auto& f : all) f.join();
    sender.join();
  });
}

// Why: the address of a thread_local is another thread's after a park. This is the trap that fiber_local is for.
TEST_P(migration, a_thread_local_is_another_after_a_park_and_a_fiber_local_is_not) {
  static thrum::fiber_local<int> own;
  run([] {
    *own = 5;
    int* const own_before = &*own;
    for (std::size_t i = 0; i < times(50); ++i) {
      int* const before = address_now();
      thrum::this_fiber::sleep_for(std::chrono::microseconds(1));
      EXPECT_NE(address_now(), before) << "whoever kept the first address works on another thread's variable";
      EXPECT_EQ(&*own, own_before);
      EXPECT_EQ(*own, 5);
    }
  });
}

TEST_P(migration, errno_is_the_fibers_in_a_game_of_ping_pong) {
  run([] {
    const chan<int> ping;
    const chan<int> pong;
    auto other = spawn([=] {
      for (int k = 0; auto v = ping.recv(); ++k) {
        EXPECT_EQ(read_errno(), k == 0 ? 0 : 5000 + k - 1);
        write_errno(5000 + k);
        pong.send(*v);
        EXPECT_EQ(read_errno(), 5000 + k);
      }
    });
    for (int k = 0; k < static_cast<int>(times(200)); ++k) {
      write_errno(1000 + k);
      ping.send(k);
      EXPECT_EQ(read_errno(), 1000 + k);
      static_cast<void>(pong.recv());
      EXPECT_EQ(read_errno(), 1000 + k);
    }
    ping.close();
    other.join();
  });
}

// The other fiber throws, catches and rethrows between the catch and the rethrow of this one.
TEST_P(migration, a_catch_block_that_parks_rethrows_its_own_while_others_throw) {
  run([] {
    const chan<int> turn;
    auto other = spawn([=] {
      for (int k = 0; turn.recv(); ++k) {
        try {
          try {
            throw k;
          } catch (int) {
            yield();
            throw std::logic_error("the other's");
          }
        } catch (const std::logic_error& e) { EXPECT_STREQ(e.what(), "the other's"); }
      }
    });
    for (std::size_t k = 0; k < times(200); ++k) {
      const std::string mine = "mine, round " + std::to_string(k);
      try {
        try {
          throw std::runtime_error(mine);
        } catch (...) {
          turn.send(0);
          yield();
          throw;
        }
      } catch (const std::runtime_error& e) { EXPECT_EQ(e.what(), mine); }
    }
    turn.close();
    other.join();
  });
}

TEST_P(migration, nested_exceptions_keep_their_order_across_parks) {
  run([] {
    const answerer other;
    std::vector<fiber<void>> all;
    for (int i = 0; i < 4; ++i)
      all.push_back(spawn([=] {
        const answerer mine;
        for (int k = 0; k < static_cast<int>(times(50)); ++k) {
          try {
            throw i;
          } catch (int outer) {
            mine.park();
            try {
              throw std::to_string(k);
            } catch (const std::string& inner) {
              mine.park();
              try {
                std::throw_with_nested(std::runtime_error("third"));
              } catch (const std::runtime_error& third) {
                mine.park();
                try {
                  std::rethrow_if_nested(third);
                  ADD_FAILURE();
                } catch (const std::string& again) { EXPECT_EQ(again, std::to_string(k)); }
              }
              EXPECT_EQ(inner, std::to_string(k));
            }
            mine.park();
            EXPECT_EQ(outer, i);
            try {
              throw;
            } catch (int once_more) { EXPECT_EQ(once_more, i); }
          }
          EXPECT_EQ(std::current_exception(), nullptr);
        }
      }));
    for (auto& f : all) f.join();
  });
}

namespace {

struct parks_at_end {
  const answerer& other;
  int in_flight;
  ~parks_at_end() {
    EXPECT_EQ(uncaught(), in_flight);
    other.park();
    EXPECT_EQ(uncaught(), in_flight);
    try { // an exception that lives and dies inside the destructor
      throw 1;
    } catch (int) { other.park(); }
    EXPECT_EQ(uncaught(), in_flight);
  }
};

} // namespace

TEST_P(migration, a_destructor_parks_while_the_stack_is_unwound) {
  run([] {
    std::vector<fiber<void>> all;
    for (int i = 0; i < 4; ++i)
      all.push_back(spawn([=] {
        const answerer other;
        for (int k = 0; k < static_cast<int>(times(50)); ++k) {
          try {
            const parks_at_end first{other, 1};
            const parks_at_end second{other, 1};
            throw std::runtime_error(std::to_string(k));
          } catch (const std::runtime_error& e) {
            EXPECT_EQ(e.what(), std::to_string(k));
            EXPECT_EQ(uncaught(), 0);
          }
          const parks_at_end calm{other, 0};
        }
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(migration, uncaught_exceptions_counts_the_fibers_own) {
  run([] {
    const answerer other;
    struct counts {
      const answerer& other;
      ~counts() {
        EXPECT_EQ(uncaught(), 1);
        // Meanwhile a fiber that throws nothing, on whatever thread.
        spawn([] {
          EXPECT_EQ(uncaught(), 0);
          EXPECT_EQ(std::current_exception(), nullptr);
        }).join();
        EXPECT_EQ(uncaught(), 1);
      }
    };
    for (std::size_t k = 0; k < times(50); ++k)
      EXPECT_THROW(([&] {
                     const counts c{other};
                     throw 1;
                   }()),
                   int);
  });
}

TEST_P(migration, mutexes_of_thrum_may_be_held_across_parks) {
  run([] {
    thrum::mutex m;
    int inside = 0;
    std::vector<fiber<void>> all;
    for (int i = 0; i < 6; ++i)
      all.push_back(spawn([&] {
        for (std::size_t k = 0; k < times(50); ++k) {
          const std::lock_guard hold(m);
          EXPECT_EQ(++inside, 1);
          yield();
          thrum::this_fiber::sleep_for(std::chrono::microseconds(1));
          EXPECT_EQ(--inside, 0);
        }
      }));
    for (auto& f : all) f.join();
  });
}

THRUM_ON_PROCESSORS(migration);
