#include <thrum/executor.h>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thrum/chan.h>
#include <thrum/runtime.h>
#include <thrum/this_fiber.h>

namespace {

TEST(executor, a_runtime_runs_work_in_fibers_of_its_own) {
  thrum::run([] {
    thrum::chan<std::uint64_t> ids;
    thrum::executor& here = thrum::executor::current();
    EXPECT_EQ(&here, &thrum::runtime::current());
    here.execute([ids]() mutable { ids.send(thrum::this_fiber::id()); });
    const auto id = ids.recv();
    ASSERT_TRUE(id);
    EXPECT_NE(*id, 0u);
    EXPECT_NE(*id, thrum::this_fiber::id());
  });
}

TEST(executor, on_a_plain_thread_the_default_runtime_is_current) {
  EXPECT_EQ(&thrum::executor::current(), &thrum::runtime::current());
}

TEST(executor, work_that_is_refused_is_destroyed_and_was_not_called) {
  struct full final : thrum::executor {
    void post(thrum::detail::task&) override { throw std::runtime_error("full"); }
  } where;
  const auto kept = std::make_shared<int>(1);
  bool called = false;
  EXPECT_THROW(where.execute([kept, &called] { called = true; }), std::runtime_error);
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_FALSE(called);
}

} // namespace
