// A fiber that has ended may stay built on its stack, and begin another task later (run.cc).
#include "base/sanitizer.h"
#include "sched/scheduler.h"

#include <gtest/gtest.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <thrum/attrs.h>
#include <thrum/chan.h>
#include <thrum/error.h>
#include <thrum/executor.h>
#include <thrum/fiber_local.h>
#include <thrum/go.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>
#include <thrum/strand.h>
#include <thrum/this_fiber.h>

namespace thrum::sched {
namespace {

[[gnu::noinline]] int& error_number() { return errno; }

TEST(ended_fibers, begin_again_where_they_ended) {
  if (THRUM_TSAN || THRUM_ASAN) GTEST_SKIP() << "the sanitizers see a new fiber each time";
  thrum::run(
      [] {
        const auto block = [] { return spawn([] { return static_cast<const void*>(this_fiber()); }).join(); };
        const void* const first = block();
        for (int i = 0; i < 3; ++i) EXPECT_EQ(block(), first);
      },
      {.processors = 1, .max_threads = 1});
}

// Each begins on the one before, which has left behind whatever a fiber can.
TEST(ended_fibers, leave_nothing_behind) {
  static fiber_local<int> local;
  thrum::run(
      [] {
        strand aside;
        std::uint64_t last = 0;
        for (int i = 0; i < 20; ++i) {
          spawn([&] {
            EXPECT_EQ(error_number(), 0);
            EXPECT_EQ(local.get(), 0);
            EXPECT_EQ(std::uncaught_exceptions(), 0);
            EXPECT_EQ(std::current_exception(), nullptr);
            EXPECT_FALSE(thrum::this_fiber::stop_requested());
            EXPECT_EQ(thrum::this_fiber::name(), nullptr);
            EXPECT_EQ(&executor::current(), &runtime::current());
            EXPECT_GT(thrum::this_fiber::id(), last);
            last = thrum::this_fiber::id();
          }).join();
          auto f = spawn({.name = "leaves much"}, [] {
            error_number() = EAGAIN;
            local.get() = 7;
            static_cast<void>(chan<int>().recv()); // until it is asked to stop
          });
          this_fiber::yield();
          f.request_stop();
          EXPECT_THROW(f.join(), cancelled);
          EXPECT_THROW(spawn([] { throw std::runtime_error("x"); }).join(), std::runtime_error);
          chan<int> done;
          aside.execute([&] { done.send(1); });
          static_cast<void>(done.recv());
        }
      },
      {.processors = 1});
}

// More of them than a processor keeps stacks for.
TEST(ended_fibers, are_as_many_as_there_is_room_for) {
  for (const unsigned processors : {1u, 3u})
    thrum::run(
        [] {
          for (const int crowd : {1, 63, 64, 65, 200, 40, 500, 3}) {
            chan<int> gate, sum;
            for (int i = 0; i < crowd; ++i) go([=] { sum.send(*gate.recv()); });
            for (int i = 0; i < crowd; ++i) gate.send(i);
            int got = 0;
            for (int i = 0; i < crowd; ++i) got += *sum.recv();
            EXPECT_EQ(got, crowd * (crowd - 1) / 2);
            const processor& p = *enter().proc;
            const unsigned stacks = p.cached_stacks;
            const std::uint64_t built = p.built;
            leave();
            EXPECT_LE(static_cast<unsigned>(std::bit_width(built)), stacks);
          }
        },
        {.processors = processors});
}

} // namespace
} // namespace thrum::sched
