// What THRUM_DEBUG=lock_order says about the programs of lock_orders.cc, each in a process of its own.
#include "deadlock/report.h"
#include "support/child.h"

#include <gtest/gtest.h>

#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string program() { return test::own_folder() + "/deadlock_lock_orders"; }

test::child watch(const std::string& name, const char* mode = "THRUM_DEBUG=lock_order",
                  const char* symbols = "THRUM_SYMBOLS=off") {
  return test::run_child({"/usr/bin/env", mode, symbols, program(), name});
}

struct wrong_order {
  const char* name;
  std::vector<std::vector<const char*>> reports; // of each the entries (deadlock::find)
};
void PrintTo(const wrong_order& w, std::ostream* out) { *out << w.name; }

class a_wrong_order : public testing::TestWithParam<wrong_order> {};

std::vector<std::string> names_of_the_right() {
  std::vector<std::string> all;
  std::istringstream lines(test::run_child({program()}).out);
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  return all;
}

class a_right_order : public testing::TestWithParam<std::string> {};

} // namespace

TEST_P(a_wrong_order, is_reported_once_though_nobody_waits) {
  const test::child c = watch(GetParam().name);
  ASSERT_EQ(c.exit_code, 0) << c.summary();
  ASSERT_EQ(c.signal, 0) << c.summary();
  const std::vector<deadlock::report> found = deadlock::parse(c.err);
  ASSERT_EQ(found.size(), GetParam().reports.size()) << c.summary();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto& expected = GetParam().reports[i];
    EXPECT_EQ(found[i].title, "thrum: lock_order: " + std::to_string(expected.size()) +
                                  " locks are locked in different orders, which ends in a deadlock some day");
    EXPECT_EQ(found[i].entries.size(), expected.size()) << c.summary();
    for (const char* entry : expected) EXPECT_NE(deadlock::find(found[i], entry), nullptr) << c.summary();
  }
  const auto places = deadlock::announced(c.out);
  for (const deadlock::report& r : found)
    for (const deadlock::entry& e : r.entries)
      for (const auto& [name, line] : places)
        if (e.head.find("'" + name + "'") != std::string::npos) {
          EXPECT_NE(e.details.find(".cc:" + std::to_string(line) + ":"), std::string::npos) << c.summary();
        }
}

#define THRUM_MUTEX "a mutex (*) while it holds a mutex (*)"
#define THRUM_SHARED "a shared_mutex (*) while it holds a shared_mutex (*)"
INSTANTIATE_TEST_SUITE_P(
    of, a_wrong_order,
    testing::Values(
        wrong_order{"ab_ba", {{"'left' locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"recursive_ab_ba", {{"'left' locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"shared_ab_ba", {{"'left' locks " THRUM_SHARED, "'right' locks " THRUM_SHARED}}},
        wrong_order{"reader_against_writer",
                    {{"'left' locks a mutex (*) while it holds a shared_mutex (*, as a reader)",
                      "'right' locks a shared_mutex (*) while it holds a mutex (*)"}}},
        wrong_order{
            "ring_of_three",
            {{"'first' locks " THRUM_MUTEX, "'second' locks " THRUM_MUTEX, "'third' locks " THRUM_MUTEX}}},
        wrong_order{"by_way_of_one_that_was_tried",
                    {{"'left' locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"by_way_of_one_with_a_deadline",
                    {{"'left' locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"thread_against_fiber",
                    {{"the thread '*' (*) locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"after_a_wait_for_a_condition",
                    {{"'left' locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"contended", {{"* locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX}}},
        wrong_order{"many_locks_of_one_place", {{"* locks " THRUM_MUTEX, "* locks " THRUM_MUTEX}}},
        wrong_order{"two_of_them",
                    {{"'left' locks " THRUM_MUTEX, "'right' locks " THRUM_MUTEX},
                     {"'up' locks " THRUM_MUTEX, "'down' locks " THRUM_MUTEX}}}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(a_wrong_order, is_reported_with_the_lines_of_both_locks) {
  const test::child c = watch("ab_ba", "THRUM_DEBUG=lock_order", "THRUM_SYMBOLS=on");
  if (c.err.find("lock_orders.cc:") == std::string::npos) GTEST_SKIP() << "no addr2line";
  const std::vector<deadlock::report> found = deadlock::parse(c.err);
  ASSERT_EQ(found.size(), 1u) << c.summary();
  for (const deadlock::entry& e : found[0].entries) {
    std::size_t lines = 0; // of nest(), where both are locked
    for (std::size_t at = 0; (at = e.details.find("nest<", at)) != std::string::npos; ++at) ++lines;
    EXPECT_GE(lines, 2u) << c.summary();
    EXPECT_EQ(e.details.find("lock_watched"), std::string::npos) << c.summary();
    EXPECT_EQ(e.details.find("has_locked"), std::string::npos) << c.summary();
  }
}

TEST(a_wrong_order, is_not_looked_for_without_the_mode) {
  const test::child c = watch("ab_ba", "THRUM_DEBUG=");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "");
}

TEST(a_wrong_order, is_found_with_forced_migration_too) {
  const test::child c = watch("ab_ba", "THRUM_DEBUG=migrate,lock_order");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(deadlock::parse(c.err).size(), 1u) << c.summary();
}

TEST_P(a_right_order, is_not_reported) {
  const test::child c = watch(GetParam());
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.signal, 0) << c.summary();
  EXPECT_EQ(c.err, "") << c.summary();
}

INSTANTIATE_TEST_SUITE_P(such_as, a_right_order, testing::ValuesIn(names_of_the_right()),
                         [](const auto& given) { return given.param; });
