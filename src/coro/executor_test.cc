// Coroutines that belong to an executor: they go on there after every wait.
#include <thrum/async_generator.h>
#include <thrum/executor.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include "wait/agent.h"
#include "wait/thread_context.h"

#include <gtest/gtest.h>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace thrum {

namespace {

using namespace std::chrono_literals;

// Runs one piece of work after the other, in one fiber or on one thread.
class serial final : public executor {
public:
  void post(detail::task& t) override {
    if (refuses) throw std::bad_alloc();
    posts_.send(&t);
  }
  void work() {
    wait::agent& self = *wait::this_thread().current;
    self.own.home = this;
    for (detail::task* t : posts_)
      if (drops)
        detail::drop_task(*t, std::make_exception_ptr(rejected("dropped")));
      else
        t->run(*t);
    self.own.home = nullptr;
  }
  void close() { posts_.close(); }

  std::atomic<bool> refuses{false};
  std::atomic<bool> drops{false};

private:
  chan<detail::task*> posts_ = chan<detail::task*>::unbounded();
};

task<int> counts_where_it_is(executor& wanted, chan<int> c) {
  int n = 0;
  n += &executor::current() == &wanted;
  co_await async_sleep_for(1us);
  n += &executor::current() == &wanted;
  co_await c.async_recv();
  n += &executor::current() == &wanted;
  std::optional<int> got;
  const std::size_t which = co_await async_select(recv(c, got), after(10us));
  n += &executor::current() == &wanted && which == 1;
  co_return n;
}

void expect_to_stay(serial& ex) {
  const chan<int> c;
  const chan<fiber<int>> started(1);
  ex.execute([&] { started.send(spawn(counts_where_it_is(ex, c))); });
  auto handle = std::move(*started.recv());
  c.send(1);
  EXPECT_EQ(handle.join(), 4);
}

} // namespace

TEST(executor_home, a_coroutine_stays_in_the_fiber_of_its_executor) {
  run([] {
    serial ex;
    auto works = spawn([&] { ex.work(); });
    expect_to_stay(ex);
    ex.close();
    works.join();
  });
}

TEST(executor_home, a_coroutine_stays_on_the_thread_of_its_executor) {
  serial ex;
  std::thread works([&] { ex.work(); });
  run([&] { expect_to_stay(ex); });
  ex.close();
  works.join();
}

TEST(executor_home, a_request_to_a_coroutine_leaves_its_executor_alone) {
  run([] {
    serial ex;
    auto works = spawn([&] { ex.work(); });
    const chan<int> never;
    const chan<fiber<>> started(1);
    auto waits = [](chan<int> c) -> task<> { co_await c.async_recv(); };
    ex.execute([&] { started.send(spawn(waits(never))); });
    auto handle = std::move(*started.recv());
    handle.request_stop();
    EXPECT_THROW(handle.join(), cancelled);
    expect_to_stay(ex); // its fiber was not asked
    ex.close();
    works.join();
  });
}

TEST(executor_home, a_coroutine_that_is_refused_goes_on_in_its_runtime) {
  run([] {
    serial ex;
    auto works = spawn([&] { ex.work(); });
    const chan<int> c;
    const chan<fiber<int>> started(1);
    auto receives = [](chan<int> from) -> task<int> { co_return (co_await from.async_recv()).value(); };
    ex.execute([&] { started.send(spawn(receives(c))); });
    auto handle = std::move(*started.recv());
    const chan<int> idle(1);
    ex.execute([&] { idle.send(1); });
    EXPECT_EQ(idle.recv(), 1); // the coroutine has begun
    ex.refuses = true;
    c.send(5);
    EXPECT_EQ(handle.join(), 5);
    ex.close();
    works.join();
  });
}

TEST(executor_home, a_coroutine_that_is_dropped_where_it_waits_is_stopped) {
  run([] {
    serial ex;
    auto works = spawn([&] { ex.work(); });
    const chan<int> c;
    const chan<fiber<int>> started(1);
    const chan<int> begun(1);
    const chan<int> stopped(1);
    auto receives = [](chan<int> at_begin, chan<int> from, chan<int> at_end) -> task<int> {
      at_begin.send(1);
      try {
        for (;;) co_await from.async_recv();
      } catch (const cancelled&) { at_end.send(7); }
      co_return 1;
    };
    ex.execute([&] { started.send(spawn(receives(begun, c, stopped))); });
    auto handle = std::move(*started.recv());
    EXPECT_EQ(begun.recv(), 1);
    ex.drops = true;
    std::optional<int> got;
    while (select(send(c, 5), recv(stopped, got)) == 0) {} // until it goes on after a wait
    EXPECT_EQ(got, 7);                                     // on its runtime
    EXPECT_THROW(handle.join(), rejected);
    ex.close();
    works.join();
  });
}

TEST(executor_home, a_coroutine_that_is_dropped_before_it_begins_never_does) {
  run([] {
    serial ex;
    auto works = spawn([&] { ex.work(); });
    bool begun = false;
    const chan<fiber<>> started(1);
    ex.execute([&] {
      started.send(spawn([&begun]() -> task<> {
        begun = true;
        co_return;
      }));
      ex.drops = true;
    });
    EXPECT_THROW(started.recv()->join(), rejected);
    EXPECT_FALSE(begun);
    ex.close();
    works.join();
  });
}

TEST(executor_home, bindings_of_the_executor_and_of_the_coroutine_do_not_mix) {
  static scoped<int> depth;
  run([] {
    serial ex;
    auto works = spawn([&] { depth.bind(1, [&] { ex.work(); }); });
    const chan<fiber<int>> started(1);
    auto looks = []() -> task<int> {
      const scoped<int>::binding deeper(depth, depth.get_or(0) + 10);
      co_await async_sleep_for(1us);
      co_return depth.get();
    };
    ex.execute([&] { started.send(spawn(looks())); });
    auto handle = std::move(*started.recv());
    EXPECT_EQ(handle.join(), 11);
    const chan<int> outside(1);
    ex.execute([&] { outside.send(depth.get_or(0)); });
    EXPECT_EQ(outside.recv(), 1);
    ex.close();
    works.join();
  });
}

} // namespace thrum
