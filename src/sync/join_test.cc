// Tasks that are dropped: accepted by an executor, but not run after all. (What else joining does: tests/behaviour/spawn_test.cc.)
#include <thrum/detail/joinable.h>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thrum/error.h>
#include <thrum/runtime.h>
#include <thrum/scoped.h>
#include <thrum/spawn.h>

namespace {

using thrum::detail::drop_task;

std::exception_ptr refusal() { return std::make_exception_ptr(thrum::rejected("no room")); }
constexpr std::source_location here = std::source_location::current();

template <class F> auto make_joinable(F f) {
  return thrum::detail::make_callable_task<decltype(f())>(std::move(f), thrum::attrs{}, here);
}

TEST(drop_task, a_dropped_callable_is_destroyed_and_was_not_called) {
  const auto kept = std::make_shared<int>(1);
  bool called = false;
  drop_task(*thrum::detail::make_detached_task([kept, &called] { called = true; }, thrum::attrs{}, here),
            refusal());
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_FALSE(called);
}

TEST(drop_task, a_small_callable_still_fits_the_smallest_object) {
  struct two_words {
    void* a;
    void* b;
    void operator()() {}
  };
  EXPECT_EQ(sizeof(thrum::detail::detached_task<two_words>), 64u);
}

TEST(drop_task, who_joins_gets_the_reason) {
  const auto kept = std::make_shared<int>(1);
  auto* t = make_joinable([kept] { return std::string(100, 'x'); });
  auto handle = thrum::detail::make_handle<std::string>(t);
  EXPECT_FALSE(handle.ended());
  drop_task(*t, refusal());
  EXPECT_TRUE(handle.ended());
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_THROW(handle.join(), thrum::rejected);
}

TEST(drop_task, who_waits_already_is_let_go) {
  thrum::run([] {
    auto* t = make_joinable([] {});
    auto handle = thrum::detail::make_handle<void>(t);
    thrum::fiber<> dropper = thrum::spawn([t] { drop_task(*t, refusal()); });
    EXPECT_THROW(handle.join(), thrum::rejected);
    dropper.join();
  });
}

TEST(drop_task, a_handle_that_was_given_up_or_is_destroyed_tells_nobody) {
  thrum::options o;
  int told = 0;
  o.on_unhandled = [&](std::exception_ptr) { ++told; };
  thrum::run(
      [] {
        auto* first = make_joinable([] {});
        thrum::detail::make_handle<void>(first).detach();
        drop_task(*first, refusal());
        auto* second = make_joinable([] {});
        {
          const auto handle = thrum::detail::make_handle<void>(second);
          drop_task(*second, refusal());
        }
        auto* third = make_joinable([] {});
        auto handle = thrum::detail::make_handle<void>(third);
        drop_task(*third, refusal());
        handle.detach();
      },
      o);
  EXPECT_EQ(told, 0);
}

TEST(drop_task, work_that_was_asked_to_stop_may_not_begin) {
  auto* t = make_joinable([] {});
  auto handle = thrum::detail::make_handle<void>(t);
  EXPECT_TRUE(thrum::detail::may_begin_joinable(*t));
  EXPECT_TRUE(handle.request_stop());
  EXPECT_FALSE(thrum::detail::may_begin_joinable(*t));
  drop_task(*t, std::make_exception_ptr(thrum::cancelled(thrum::cancel_reason::user)));
  EXPECT_THROW(handle.join(), thrum::cancelled);
}

} // namespace
