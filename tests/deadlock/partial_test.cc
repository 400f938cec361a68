// Each deadlock of partial.cc, in a process of its own: rings are reported while others go on, each once.
#include "deadlock/report.h"
#include "support/child.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

namespace {

struct ring {
  std::size_t members;
  std::vector<const char*> waits; // entries of its report (deadlock::find)
};
struct partial {
  const char* name;
  std::vector<ring> rings;
};
void PrintTo(const partial& p, std::ostream* out) { *out << p.name; }

class a_ring : public testing::TestWithParam<partial> {};

constexpr const char* title = " wait for each other, for ever";

bool is_of(const deadlock::report& r, const ring& expected) {
  return std::all_of(expected.waits.begin(), expected.waits.end(),
                     [&](const char* wait) { return deadlock::find(r, wait) != nullptr; });
}

} // namespace

TEST_P(a_ring, is_reported_once_while_others_go_on) {
  const partial& p = GetParam();
  test::live_child running(
      {"/usr/bin/env", "THRUM_SYMBOLS=off", test::own_folder() + "/deadlock_partial", p.name});
  const bool found = running.says(title, p.rings.size());
  running.tell("m");
  const bool found_the_last = running.says(title, p.rings.size() + 1);
  running.tell("t");
  const bool ticks = running.says("it ticks");
  const test::child c = running.end_now();
  ASSERT_TRUE(found) << c.summary();
  ASSERT_TRUE(found_the_last) << c.summary();
  ASSERT_TRUE(ticks) << c.summary();

  const std::vector<deadlock::report> reports = deadlock::parse(c.err);
  EXPECT_EQ(reports.size(), p.rings.size() + 1) << c.summary();
  const auto places = deadlock::announced(c.out);
  for (const ring& expected : p.rings) {
    const auto is_its = [&](const deadlock::report& r) { return is_of(r, expected); };
    ASSERT_EQ(std::count_if(reports.begin(), reports.end(), is_its), 1) << expected.waits.front() << "\n"
                                                                        << c.summary();
    const deadlock::report& r = *std::find_if(reports.begin(), reports.end(), is_its);
    EXPECT_EQ(r.title, "thrum: deadlock: " + std::to_string(expected.members) + title);
    EXPECT_EQ(r.entries.size(), expected.members) << c.summary();
    for (const deadlock::entry& e : r.entries)
      for (const auto& [name, line] : places)
        if (deadlock::matches("fiber #* '" + name + "' *", e.head) &&
            e.head.find("'" + name + "'") == e.head.find('\'')) {
          EXPECT_NE(e.details.find(".cc:" + std::to_string(line) + ":"), std::string::npos)
              << "no place of " << name << "\n"
              << c.summary();
        }
  }
}

INSTANTIATE_TEST_SUITE_P(
    of, a_ring,
    testing::Values(
        partial{"ab_ba",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"ab_ba_in_a_napping_crowd",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"recursive_ab_ba",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"shared_ab_ba",
                {{2,
                  {"'left' waits for a shared_mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a shared_mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"mutex_against_shared",
                {{2,
                  {"'left' waits for a shared_mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"ring_of_three",
                {{3,
                  {"'first' waits for a mutex (0x*) that fiber #* 'second' holds",
                   "'second' waits for a mutex (0x*) that fiber #* 'third' holds",
                   "'third' waits for a mutex (0x*) that fiber #* 'first' holds"}}}},
        partial{"ring_of_a_hundred",
                {{100, {"'philosopher' waits for a mutex (0x*) that fiber #* 'philosopher' holds"}}}},
        partial{"join_ring", {{2, {"'first' joins fiber #* 'second'", "'second' joins fiber #* 'first'"}}}},
        partial{"mutex_against_join",
                {{2,
                  {"'parent' joins fiber #* 'child'",
                   "'child' waits for a mutex (0x*) that fiber #* 'parent' holds"}}}},
        partial{"handle_dropped_under_a_mutex",
                {{2,
                  {"'parent' joins fiber #* 'child'",
                   "'child' waits for a mutex (0x*) that fiber #* 'parent' holds"}}}},
        partial{"call_once_cross",
                {{2,
                  {"'left' waits for a call_once that fiber #* 'right' is in",
                   "'right' waits for a call_once that fiber #* 'left' is in"}}}},
        partial{"call_once_against_mutex",
                {{2,
                  {"'caller' waits for a mutex (0x*) that fiber #* 'holder' holds",
                   "'holder' waits for a call_once that fiber #* 'caller' is in"}}}},
        partial{"two_rings_at_once",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}},
                 {2,
                  {"'up' waits for a mutex (0x*) that fiber #* 'down' holds",
                   "'down' waits for a mutex (0x*) that fiber #* 'up' holds"}}}},
        partial{"queue_behind_a_ring",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"across_two_runtimes",
                {{2,
                  {"'here' waits for a mutex (0x*) that fiber #* 'there' holds",
                   "'there' waits for a mutex (0x*) that fiber #* 'here' holds"}}}},
        partial{"thread_and_fiber",
                {{2,
                  {"the thread 'partner' (*) waits for a mutex (0x*) that fiber #* 'fiber' holds",
                   "'fiber' waits for a mutex (0x*) that the thread 'partner' (*) holds"}}}},
        partial{"two_threads",
                {{2,
                  {"the thread 'left' (*) waits for a mutex (0x*) that the thread 'right' (*) holds",
                   "the thread 'right' (*) waits for a mutex (0x*) that the thread 'left' (*) holds"}}}},
        partial{"two_threads_each_with_a_fiber",
                {{2,
                  {"the thread 'partner' (*) waits for a mutex (0x*) that fiber #* 'fiber' holds",
                   "'fiber' waits for a mutex (0x*) that the thread 'partner' (*) holds"}},
                 {2,
                  {"the thread 'stranger' (*) waits for a mutex (0x*) that fiber #* 'other fiber' holds",
                   "'other fiber' waits for a mutex (0x*) that the thread 'stranger' (*) holds"}}}},
        partial{"among_two_thousand_that_wait",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}},
        partial{"beside_fibers_that_compute",
                {{2,
                  {"'left' waits for a mutex (0x*) that fiber #* 'right' holds",
                   "'right' waits for a mutex (0x*) that fiber #* 'left' holds"}}}}),
    [](const auto& given) { return std::string(given.param.name); });
