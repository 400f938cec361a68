// blocking_pool: a name and a limit for what blocks, in order, and shown wherever one looks.
//
// What is to block reads from a pipe. Who is in and who waits is asked of report(), so nothing rests on time.
#include "support/waits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thrum/thrum.h>
#include <thrum/trace.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

using test::until;
using thrum::blocking;
using thrum::blocking_pool;
using thrum::spawn;

namespace {

// Blocks its thread until somebody opens it.
class gate {
public:
  gate() { EXPECT_EQ(::pipe(ends_), 0); }
  ~gate() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  void pass() const {
    char byte;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }
  void open(int times = 1) const {
    for (; times != 0; --times) EXPECT_EQ(::write(ends_[1], "x", 1), 1);
  }

private:
  int ends_[2];
};

thrum::blocking_pool_report report_of(const std::string& name) {
  for (const auto& p : thrum::runtime::current().report().blocking_pools)
    if (p.name == name) return p;
  return {};
}

} // namespace

class blocking_pools : public testing::TestWithParam<unsigned> {
protected:
  static void run(std::function<void()> f) { thrum::run(std::move(f), {.processors = GetParam()}); }
};
INSTANTIATE_TEST_SUITE_P(processors, blocking_pools, testing::Values(1u, 2u, 4u),
                         [](const auto& of) { return "of_" + std::to_string(of.param); });

TEST_P(blocking_pools, let_in_as_many_as_may_be_and_the_others_wait) {
  run([] {
    blocking_pool pool("bounded", 3);
    gate g;
    std::atomic<int> inside = 0, most = 0;
    std::vector<thrum::fiber<>> calls;
    for (int i = 0; i < 10; ++i)
      calls.push_back(spawn([&] {
        blocking(pool, [&] {
          const int now = ++inside;
          for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {}
          g.pass();
          --inside;
        });
      }));
    until([&] { // a call is counted as running before it runs
      const auto r = report_of("bounded");
      return r.running == 3 && r.waiting == 7 && inside == 3;
    });
    EXPECT_EQ(report_of("bounded").most, 3u);
    const thrum::runtime_report now = thrum::runtime::current().report();
    EXPECT_GE(now.threads, 3u);
    EXPECT_GE(now.most_threads, now.threads);
    EXPECT_LE(now.most_threads, now.thread_limit);
    g.open(10);
    for (auto& c : calls) c.join();
    EXPECT_EQ(most, 3);
    const auto end = report_of("bounded");
    EXPECT_EQ(end.running, 0u);
    EXPECT_EQ(end.waiting, 0u);
    EXPECT_EQ(end.most, 3u);
    EXPECT_EQ(end.limit, 3u);
    EXPECT_EQ(end.calls, 10u);
  });
}

TEST_P(blocking_pools, stop_waiting_when_they_are_asked_to_and_do_not_call_then) {
  run([] {
    blocking_pool pool("stopped", 1);
    gate g;
    auto first = spawn([&] { blocking(pool, [&] { g.pass(); }); });
    until([] { return report_of("stopped").running == 1; });
    bool called = false;
    auto second = spawn([&] { blocking(pool, [&] { called = true; }); });
    until([] { return report_of("stopped").waiting == 1; });
    second.request_stop();
    EXPECT_THROW(second.join(), thrum::cancelled);
    EXPECT_FALSE(called);
    EXPECT_EQ(report_of("stopped").waiting, 0u);
    g.open();
    first.join();
    EXPECT_EQ(report_of("stopped").calls, 1u);
  });
}

TEST_P(blocking_pools, return_and_throw_what_is_called_and_give_the_place_back) {
  run([] {
    blocking_pool pool("any call", 1);
    int n = 1;
    static_assert(std::is_same_v<decltype(blocking(pool, [&]() -> int& { return n; })), int&>);
    blocking(pool, [&]() -> int& { return n; }) = 2;
    EXPECT_EQ(n, 2);
    EXPECT_EQ(*blocking(pool, [] { return std::make_unique<int>(3); }), 3);
    EXPECT_THROW(blocking(pool, [] { throw std::runtime_error("as any call"); }), std::runtime_error);
    EXPECT_EQ(blocking(pool, [] { return 4; }), 4);
  });
}

TEST_P(blocking_pools, let_the_others_go_on) {
  run([] {
    blocking_pool pool("hands off");
    EXPECT_EQ(pool.limit(), blocking_pool::no_limit);
    gate g;
    auto other = spawn([&] { g.open(); });
    blocking(pool, [&] { g.pass(); });
    other.join();
  });
}

TEST_P(blocking_pools, are_in_reports_and_in_dumps_by_name) {
  run([] {
    blocking_pool pool("dns", 1);
    gate g;
    auto first = spawn([&] { blocking(pool, [&] { g.pass(); }); });
    until([] { return report_of("dns").running == 1; });
    auto second = spawn([&] { blocking(pool, [] {}); });
    // A dump says that it waits when it was seen to do so twice.
    until([] {
      return thrum::dump().find("waits for a place in the blocking pool 'dns'") != std::string::npos;
    });
    const std::string text = thrum::dump();
    EXPECT_NE(text.find("  blocking pool 'dns': 1 of 1 threads (1 at most), 1 wait, 1 calls\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(", in the blocking pool 'dns'"), std::string::npos) << text;
    g.open();
    first.join();
    second.join();
  });
  EXPECT_EQ(to_string(thrum::runtime_report{}).find("dns"), std::string::npos);
}

TEST_P(blocking_pools, have_their_names_in_traces) {
  run([] {
    blocking_pool outer("outer \"pool\""), inner("inner");
    thrum::trace::recording r;
    auto other = spawn([] {});
    spawn([&] { blocking(outer, [&] { blocking(inner, [] { ::usleep(1); }); }); }).join();
    other.join();
    const thrum::trace::timeline t = r.stop();
    ASSERT_EQ(t.calls.size(), 2u);
    EXPECT_EQ(t.calls[0].name, "outer \"pool\"");
    EXPECT_EQ(t.calls[1].name, "inner");
    EXPECT_NE(t.calls[0].fiber, 0u);
    EXPECT_EQ(t.calls[0].fiber, t.calls[1].fiber);
    EXPECT_LE(t.calls[0].begin, t.calls[1].begin);
    EXPECT_LE(t.calls[1].begin, t.calls[1].end);
    EXPECT_LE(t.calls[1].end, t.calls[0].end);
    const std::string json = to_json(t);
    for (const char* phase : {"\"ph\":\"b\"", "\"ph\":\"e\""}) EXPECT_NE(json.find(phase), std::string::npos);
    EXPECT_NE(json.find("\"cat\":\"blocking\",\"id\":1,\"name\":\"outer \\\"pool\\\"\""), std::string::npos)
        << json;
  });
}

TEST(a_blocking_pool, of_a_plain_thread_is_one_like_any_other) {
  blocking_pool pool("threads", 1);
  EXPECT_EQ(blocking(pool, [] { return 4; }), 4);
  EXPECT_STREQ(pool.name(), "threads");
}

// One thread, so that who was started runs until it waits.
TEST(a_blocking_pool, lets_in_who_waits_longest) {
  thrum::run(
      [] {
        blocking_pool pool("in order", 1);
        thrum::chan<int> open;
        std::vector<int> order; // guarded by the only place
        std::vector<thrum::fiber<>> calls;
        for (int i = 0; i < 6; ++i) {
          calls.push_back(spawn([&, i] {
            blocking(pool, [&] {
              order.push_back(i);
              static_cast<void>(open.recv());
            });
          }));
          until([i] { return report_of("in order").waiting == static_cast<std::size_t>(i); });
          until([] { return report_of("in order").running == 1; });
        }
        for (int i = 0; i < 6; ++i) open.send(i);
        for (auto& c : calls) c.join();
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
      },
      {.processors = 1, .max_threads = 1});
}
