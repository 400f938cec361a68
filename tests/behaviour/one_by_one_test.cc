// docs/debugging.md: what THRUM_DEBUG=one_by_one says about fibers that wait for one answer after the other, and about whom it is silent.
#include "support/child.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace {

test::child watch(const std::string& what, const char* mode = "THRUM_DEBUG=one_by_one") {
  return test::run_child({"/usr/bin/env", mode, test::own_folder() + "/queries", what});
}

std::size_t reports(const test::child& c) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = c.err.find("thrum: one_by_one:", at)) != std::string::npos; ++at) ++n;
  return n;
}

struct row {
  unsigned guilty = 0; // the line that is to be named
  unsigned line = 0;
  unsigned long long operations = 0, waits = 0, most = 0;
};
row read(const test::child& c) {
  row r;
  std::sscanf(c.out.c_str(), "%u\n%u: %llu operations, %llu waits, most %llu", &r.guilty, &r.line,
              &r.operations, &r.waits, &r.most);
  return r;
}

class one_answer_after_the_other : public testing::TestWithParam<const char*> {};
class who_does_not_ask_one_by_one : public testing::TestWithParam<const char*> {};

std::string name_of(const testing::TestParamInfo<const char*>& given) { return given.param; }

} // namespace

TEST_P(one_answer_after_the_other, is_reported_once_with_the_place_of_the_fiber_and_what_to_do) {
  const test::child c = watch(GetParam());
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(reports(c), 1u) << c.summary();
  const row r = read(c);
  EXPECT_NE(c.err.find("'guilty'"), std::string::npos) << c.summary();
  EXPECT_NE(c.err.find("queries.cc:" + std::to_string(r.guilty)), std::string::npos) << c.summary();
  EXPECT_NE(c.err.find("map_limit"), std::string::npos) << c.summary();
  EXPECT_EQ(r.line, r.guilty) << c.summary();
  EXPECT_GE(r.most, 10u) << c.summary();
  EXPECT_GE(r.waits, r.operations * 10) << c.summary();
  EXPECT_NE(c.out.find("waited for answers one by one"), std::string::npos) << c.summary();
}
INSTANTIATE_TEST_SUITE_P(by, one_answer_after_the_other,
                         testing::Values("one_connection", "a_connection_each", "joins", "futures",
                                         "handler"),
                         name_of);

// Who computes beside the one that asks may answer before it waits; so few of them may be missing.
TEST(one_by_one, counts_the_waits_of_each_operation) {
  const row once = read(watch("joins"));
  EXPECT_EQ(once.operations, 1u);
  EXPECT_EQ(once.waits, once.most);
  EXPECT_LE(once.most, 100u);
  const row requests = read(watch("handler"));
  EXPECT_LE(requests.operations, 5u);
  EXPECT_LE(requests.most, 20u);
}

TEST_P(who_does_not_ask_one_by_one, is_not_named) {
  const test::child c = watch(GetParam());
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "");
  EXPECT_EQ(c.out.find("one by one"), std::string::npos) << c.summary();
}
INSTANTIATE_TEST_SUITE_P(as, who_does_not_ask_one_by_one,
                         testing::Values("all_at_once", "ten_at_a_time", "spawned_before_they_are_joined",
                                         "in_portions", "nine", "a_server", "a_server_in_a_hurry", "a_worker",
                                         "a_ticker", "a_download"),
                         name_of);

TEST(one_by_one, is_silent_without_the_mode) {
  const test::child c = watch("one_connection", "THRUM_DEBUG=");
  EXPECT_EQ(c.exit_code, 0) << c.summary();
  EXPECT_EQ(c.err, "");
  EXPECT_EQ(c.out.find("one by one"), std::string::npos) << c.summary();
}
