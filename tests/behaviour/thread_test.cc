// Plain threads take part like fibers: they send, receive, select, join and lock; threads come and go.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/mutex.h>
#include <thrum/thrum.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::spawn;

class threads : public test::on_processors {};

} // namespace

// No fiber at all: channels between threads.
TEST(threads_only, channels_work_without_any_fiber) {
  for (const std::size_t capacity : {0u, 1u, 8u}) {
    const chan<std::size_t> c(capacity);
    const std::size_t n = times(3000);
    std::vector<std::thread> senders;
    for (int s = 0; s < 3; ++s)
      senders.emplace_back([=] {
        for (std::size_t i = 0; i < n; ++i) c.send(i);
      });
    std::atomic<std::size_t> sum{0};
    std::vector<std::thread> receivers;
    for (int r = 0; r < 3; ++r)
      receivers.emplace_back([&] {
        for (const std::size_t v : c) sum += v;
      });
    for (auto& t : senders) t.join();
    c.close();
    for (auto& t : receivers) t.join();
    EXPECT_EQ(sum, 3 * (n * (n - 1) / 2));
  }
}

TEST_P(threads, threads_and_fibers_pass_values_both_ways) {
  run([] {
    for (const std::size_t capacity : {0u, 1u, 8u}) {
      const chan<std::size_t> to(capacity);
      const chan<std::size_t> from(capacity);
      const std::size_t n = times(1000);
      std::thread outside([=] {
        for (const std::size_t v : to) from.send(v * 2);
        from.close();
      });
      auto sending = spawn([=] {
        for (std::size_t i = 0; i < n; ++i) to.send(i);
        to.close();
      });
      std::size_t next = 0;
      for (const std::size_t v : from) EXPECT_EQ(v, 2 * next++);
      EXPECT_EQ(next, n);
      sending.join();
      outside.join();
    }
  });
}

TEST_P(threads, threads_that_come_and_go_leave_nothing_that_disturbs_later_ones) {
  thrum::runtime r(options());
  const chan<int> c(1);
  thrum::mutex m;
  for (std::size_t i = 0; i < times(300); ++i) {
    std::thread first([&] {
      c.send(1);
      const std::lock_guard hold(m);
    });
    std::thread second([&] {
      EXPECT_EQ(c.recv(), 1);
      EXPECT_EQ(r.spawn([] { return 2; }).join(), 2);
      EXPECT_EQ(c.recv_for(1us).error(), thrum::chan_status::timeout);
    });
    first.join();
    second.join();
  }
}

// A thread that ends while its wake-up is still on the way back.
TEST_P(threads, a_thread_may_end_as_soon_as_it_was_woken) {
  run([] {
    const chan<int> c;
    for (std::size_t i = 0; i < times(300); ++i) {
      std::thread t([=] { static_cast<void>(c.recv()); });
      c.send(1);
      t.detach();
    }
  });
}

TEST_P(threads, what_belongs_to_a_fiber_has_a_meaning_on_a_thread_too) {
  std::thread([] {
    EXPECT_EQ(thrum::this_fiber::id(), 0u);
    EXPECT_EQ(thrum::this_fiber::name(), nullptr);
    EXPECT_FALSE(thrum::this_fiber::stop_requested());
    thrum::this_fiber::check();
    thrum::this_fiber::yield();
    thrum::this_fiber::sleep_for(100us);
  }).join();
}

// Thread-locals that use the library when their thread ends.
TEST_P(threads, destructors_of_thread_locals_may_use_the_library) {
  struct at_thread_end {
    chan<int>* c = nullptr;
    ~at_thread_end() {
      if (c == nullptr) return;
      c->send(1);
      thrum::mutex m;
      const std::lock_guard hold(m);
    }
  };
  thrum::runtime r(options());
  chan<int> c(1);
  for (std::size_t i = 0; i < times(100); ++i) {
    std::thread([&] {
      static thread_local at_thread_end early; // made before the thread has used the library
      early.c = &c;
      static_cast<void>(c.try_recv());
    }).join();
    EXPECT_EQ(r.run([&] { return c.recv(); }), 1);
  }
}

THRUM_ON_PROCESSORS(threads);
