#include "harness/compare.h"

#include "harness/sample_board.h"

#include <gtest/gtest.h>

#include <random>

namespace versus {
namespace {

using answer = change::answer;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct planted {
  std::vector<double> thrum;
  double machine = 1; // the others' times
  std::string go_version = "1.26", machine_line = "m";
  bool thrum_failed = false;
};

board run_of(const planted& p) {
  board b;
  b.apply_line(R"({"event":"session","date":"d","machine":")" + p.machine_line +
               R"(","cpus":2,"mode":"quick","contestants":[
    {"id":"thrum","title":"thrum","version":"0.1","here":true},
    {"id":"go","title":"Go","version":")" +
               p.go_version + R"(","here":true}]})");
  b.apply_line(R"({"event":"start","exp":"X9","load":0.5})");
  for (double v : p.thrum) sample::put(b, "thrum", "yield@1", v);
  if (p.thrum_failed)
    b.apply_line(
        R"({"event":"trouble","exp":"X9","rt":"thrum","variants":["yield@1"],"what":"exit code 1","wrong":true})");
  for (const char* row : {"yield@1", "yield@all", "select@1"}) sample::put(b, "go", row, 100 * p.machine);
  b.apply_line(R"({"event":"end","exp":"X9","load":0.5,"others":0,"runs":3})");
  return b;
}

comparison of(const planted& before, const planted& after,
              const std::vector<std::string>& runtimes = {"thrum"}) {
  return compare({sample::one()}, run_of(before), run_of(after), runtimes);
}

answer decided(const comparison& c) {
  for (const change& r : c.rows)
    if (r.deciding && r.variant == "yield@1") return r.said;
  return answer::unclear;
}

TEST(rank_test, it_is_exact) {
  EXPECT_DOUBLE_EQ(rank_test({1, 2, 3}, {4, 5, 6}), 1.0 / 20);
  EXPECT_DOUBLE_EQ(rank_test({1, 2, 4}, {3, 5, 6}), 2.0 / 20);
  EXPECT_DOUBLE_EQ(rank_test({4, 5, 6}, {1, 2, 3}), 1);
  EXPECT_DOUBLE_EQ(rank_test({1, 2}, {3, 4}), 1.0 / 6);
  EXPECT_DOUBLE_EQ(rank_test({1}, {2}), 1.0 / 2);
  EXPECT_DOUBLE_EQ(rank_test({1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}), 1.0 / 252);
  EXPECT_DOUBLE_EQ(rank_test({}, {1}), 1);
}

TEST(rank_test, ties_make_nothing_surer) {
  EXPECT_GE(rank_test({1, 1, 1}, {1, 1, 1}), 0.5);
  EXPECT_DOUBLE_EQ(rank_test({1, 2, 3}, {3, 4, 5}), 2.0 / 20);
}

TEST(compare, thirty_percent_slower_is_found) {
  comparison c = of({.thrum = {100, 103, 98}}, {.thrum = {130, 134, 128}});
  EXPECT_EQ(decided(c), answer::slower);
  EXPECT_TRUE(c.worse());
  EXPECT_EQ(decided(of({.thrum = {130, 134, 128}}, {.thrum = {100, 103, 98}})), answer::faster);
}

TEST(compare, noise_is_not) {
  EXPECT_EQ(decided(of({.thrum = {100, 103, 98}}, {.thrum = {104, 99, 107}})), answer::same);
  EXPECT_EQ(decided(of({.thrum = {100, 140, 98}}, {.thrum = {130, 134, 128}})), answer::unclear)
      << "an old sample is as slow as the new ones";
  EXPECT_FALSE(of({.thrum = {100, 140, 98}}, {.thrum = {130, 134, 128}}).worse());
}

TEST(compare, one_sample_cannot_accuse) {
  EXPECT_EQ(decided(of({.thrum = {100}}, {.thrum = {200}})), answer::unclear);
  EXPECT_EQ(decided(of({.thrum = {100}}, {.thrum = {101}})), answer::same);
}

TEST(compare, a_certain_change_of_five_percent_is_the_same) {
  EXPECT_EQ(decided(of({.thrum = {100, 101, 102}}, {.thrum = {105, 106, 107}})), answer::same);
}

TEST(compare, a_slower_machine_is_not_a_slower_thrum) {
  comparison c = of({.thrum = {100, 103, 98}}, {.thrum = {130, 134, 128}, .machine = 1.3});
  EXPECT_DOUBLE_EQ(c.machine, 1.3);
  EXPECT_EQ(decided(c), answer::same);
  EXPECT_FALSE(c.worse());
}

TEST(compare, a_faster_machine_accuses_nobody) {
  EXPECT_EQ(decided(of({.thrum = {100, 103, 98}}, {.thrum = {100, 103, 98}, .machine = 0.7})), answer::same);
}

TEST(compare, a_runtime_with_another_version_says_nothing_of_the_machine) {
  comparison c =
      of({.thrum = {100, 103, 98}}, {.thrum = {130, 134, 128}, .machine = 1.3, .go_version = "1.27"});
  EXPECT_EQ(c.machine_rows, 0);
  EXPECT_EQ(decided(c), answer::slower);
  ASSERT_EQ(c.differences.size(), 1u);
  EXPECT_EQ(c.differences[0], "Go: 1.26; now 1.27");
}

TEST(compare, differences_of_the_machine_come_first) {
  comparison c = of({.thrum = {100}}, {.thrum = {100}, .machine_line = "another"});
  std::string text = render_comparison(c, {100, false, true});
  EXPECT_TRUE(text.starts_with("  machine: m; now another\n")) << text;
}

TEST(compare, a_row_that_has_no_figure_any_more_is_broken) {
  comparison c = of({.thrum = {100, 103, 98}}, {.thrum = {10, 11, 12}, .thrum_failed = true});
  EXPECT_EQ(decided(c), answer::broken);
  EXPECT_TRUE(c.worse());
  EXPECT_TRUE(has(render_comparison(c, {100, false, true}), "exit code 1"));
}

TEST(compare, rows_that_one_of_the_two_lacks_are_counted) {
  comparison c = of({.thrum = {100}}, {.thrum = {}});
  EXPECT_TRUE(c.rows.empty());
  EXPECT_EQ(c.missing, 1);
  EXPECT_FALSE(c.worse());
}

TEST(compare, others_are_shown_when_asked_for_and_fail_nothing) {
  planted before{.thrum = {100}}, after{.thrum = {100}};
  board a = run_of(before), b = run_of(after);
  for (double v : {100.0, 100.0}) sample::put(a, "go", "yield@1", v);
  for (double v : {1000.0, 1000.0, 1000.0, 1000.0, 1000.0}) sample::put(b, "go", "yield@1", v);
  comparison c = compare({sample::one()}, a, b, {"go"});
  ASSERT_FALSE(c.rows.empty());
  for (const change& r : c.rows) EXPECT_EQ(r.runtime, "go");
  EXPECT_FALSE(c.worse());
}

// Times: a ratio is known within 1.6 times either way, more if the samples spread more.
TEST(compare, ratios_agree_where_their_ranges_meet) {
  const auto said = [](std::vector<double> thrum_later) {
    board a = run_of({.thrum = {100}}), b = run_of({.thrum = std::move(thrum_later)});
    for (board* each : {&a, &b}) sample::put(*each, "go", "yield@1", 120);
    return compare({sample::one()}, a, b, {"thrum"}).ratios;
  };
  EXPECT_EQ(said({250}).agree, 1);
  EXPECT_EQ(said({250}).differ, 0);
  EXPECT_EQ(said({270}).agree, 0);
  EXPECT_EQ(said({270}).differ, 1);
  EXPECT_EQ(said({200, 270, 300}).agree, 1);
  ASSERT_EQ(said({270}).moved.size(), 1u);
  EXPECT_NEAR(said({270}).moved[0], 2.7, 1e-9);
}

TEST(compare, verdicts_that_changed_are_named) {
  const board before = sample::filled();
  board after = sample::filled();
  comparison same = compare({sample::one()}, before, after, {"thrum"});
  EXPECT_EQ(same.same_verdicts, 1);
  EXPECT_TRUE(same.verdicts.empty());
  for (int i = 0; i < 3; ++i) sample::put(after, "node", "yield@1", 1000);
  comparison c = compare({sample::one()}, before, after, {"thrum"});
  EXPECT_EQ(c.same_verdicts, 0);
  ASSERT_EQ(c.verdicts.size(), 1u);
  EXPECT_EQ(c.verdicts[0].exp, "X9");
  EXPECT_TRUE(has(c.verdicts[0].before, "does not hold")) << c.verdicts[0].before;
  EXPECT_TRUE(has(c.verdicts[0].after, "too close to tell")) << c.verdicts[0].after;
  const std::string text = render_comparison(c, {100, false, false});
  EXPECT_TRUE(has(text, "verdicts: 0 of 1 are the same, none is reversed; different are")) << text;
  EXPECT_TRUE(has(text, "Go is faster than Node: Go 40.0 ns/op")) << text;
  board reversed;
  reversed.apply_line(
      R"({"event":"session","contestants":[{"id":"go","title":"Go","here":true},{"id":"node","title":"Node","here":true}]})");
  sample::put(reversed, "go", "yield@1", 40);
  sample::put(reversed, "node", "yield@1", 1000);
  c = compare({sample::one()}, before, reversed, {"thrum"});
  EXPECT_EQ(c.reversed_verdicts, 1);
  EXPECT_TRUE(has(render_comparison(c, {100, false, false}), "one is reversed; different are"));
}

// Both runs draw from one distribution, with a spread as wide as a busy machine has.
TEST(compare, a_thousand_comparisons_of_like_with_like_accuse_rarely) {
  std::mt19937 random(42);
  std::lognormal_distribution<double> sample(std::log(100.0), 0.15);
  int accused = 0;
  for (int i = 0; i < 1000; ++i) {
    planted before, after;
    for (int k = 0; k < 5; ++k) before.thrum.push_back(sample(random)), after.thrum.push_back(sample(random));
    accused += of(before, after).worse() ? 1 : 0;
  }
  EXPECT_LE(accused, 60);
}

TEST(compare, thirty_percent_is_found_in_most_runs_of_five_on_a_quiet_machine) {
  std::mt19937 random(42);
  std::lognormal_distribution<double> noise(0, 0.05);
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    planted before, after;
    for (int k = 0; k < 5; ++k)
      before.thrum.push_back(100 * noise(random)), after.thrum.push_back(130 * noise(random));
    found += of(before, after).worse() ? 1 : 0;
  }
  EXPECT_GE(found, 195);
}

TEST(compare, no_line_is_wider_than_the_terminal) {
  comparison c = of({.thrum = {100, 103, 98}}, {.thrum = {130, 134, 128}});
  for (int width : {30, 40, 60, 80, 100, 160}) {
    std::string text = render_comparison(c, {width, true, true});
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = text.find('\n', at);
      EXPECT_LE(columns(text.substr(at, end - at)), width) << text.substr(at, end - at);
      at = end + 1;
    }
    EXPECT_TRUE(has(text, "slower"));
  }
}

} // namespace
} // namespace versus
