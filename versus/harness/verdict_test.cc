#include "harness/verdict.h"

#include "harness/sample_board.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

using answer = judged::answer;

// yield@1: thrum 10 11 12, Go 40, Node 15.
judged of(const std::string& left, const std::string& below, double times = 1, const board* b = nullptr) {
  std::string text = R"({"id":"X9","title":"t","metrics":[{"id":"cpu","title":"CPU","unit":"ns/op"},
      {"id":"memory","title":"memory","unit":"B/task"},{"id":"lost","title":"lost","unit":"%"}],
    "variants":[{"id":"yield@1","title":"t","check":{"rule":"count"}},
                {"id":"select@1","title":"t","check":{"rule":"count"}}],
    "verdicts":[{"claim":"c","left":")" +
                     left + R"(","below":")" + below + R"(","times":)" + json::number(times) + "}]}";
  experiment e = *parse_experiment(text);
  return judge(e.verdicts[0], e, b != nullptr ? *b : sample::filled());
}

board with(const std::string& metric, const std::vector<double>& values) {
  board b = sample::filled();
  for (double v : values)
    b.apply_line(json::writer()
                     .add("exp", "X9")
                     .add("rt", "go")
                     .add("variant", "yield@1")
                     .add("n", 1)
                     .add("metric", metric)
                     .add("value", v)
                     .add("unit", "")
                     .line());
  return b;
}

TEST(verdict, a_comparison_says_both_figures_and_what_they_come_to) {
  EXPECT_EQ(of("go yield@1 cpu", "node yield@1 cpu").text(),
            "Go 40.0 ns/op, Node 15.0 ns/op: does not hold here");
  EXPECT_EQ(of("node yield@1 cpu", "go yield@1 cpu").text(), "Node 15.0 ns/op, Go 40.0 ns/op: holds here");
}

TEST(verdict, a_factor_is_granted) {
  EXPECT_EQ(of("go yield@1 cpu", "node yield@1 cpu", 5).said, answer::holds);
}

TEST(verdict, near_the_limit_it_is_too_close_to_tell_on_both_sides_of_it) {
  EXPECT_EQ(of("go yield@1 cpu", "41").said, answer::close);
  EXPECT_EQ(of("go yield@1 cpu", "39").said, answer::close);
  EXPECT_EQ(of("go yield@1 cpu", "60").said, answer::close);
  EXPECT_EQ(of("go yield@1 cpu", "65").said, answer::holds);
  EXPECT_EQ(of("go yield@1 cpu", "24").said, answer::fails);
  EXPECT_EQ(of("go yield@1 cpu", "node yield@1 cpu", 2.7).text(),
            "Go 40.0 ns/op, Node 15.0 ns/op: too close to tell");
}

TEST(verdict, a_spread_that_reaches_over_the_limit_is_too_close_whatever_the_median_says) {
  board b = with("memory", {1000, 1000, 2500});
  EXPECT_EQ(of("go yield@1 memory", "2400", 1, &b).said, answer::close);
  EXPECT_EQ(of("go yield@1 memory", "2600", 1, &b).said, answer::holds);
}

TEST(verdict, memory_is_surer_than_time) {
  board b = with("memory", {2756});
  EXPECT_EQ(of("go yield@1 memory", "3072", 1, &b).said, answer::holds);
  EXPECT_EQ(of("go yield@1 memory", "3000", 1, &b).said, answer::close);
}

TEST(verdict, all_or_nothing_of_a_share_is_sure) {
  board all = with("lost", {100}), none = with("lost", {0}), some = with("lost", {9.5});
  EXPECT_EQ(of("99", "go yield@1 lost", 1, &all).said, answer::holds);
  EXPECT_EQ(of("go yield@1 lost", "1", 1, &none).said, answer::holds);
  EXPECT_EQ(of("go yield@1 lost", "10", 1, &some).said, answer::close);
}

// What a second run must not do is to say the opposite, however the figures lie within what runs differ by.
TEST(verdict, a_figure_that_moves_by_half_never_turns_a_verdict_round) {
  for (double limit = 10; limit < 200; limit += 1) {
    answer first = of("go yield@1 cpu", json::number(limit)).said;
    for (double moved : {40 * 1.5, 40 / 1.5}) {
      board b;
      b.columns = sample::filled().columns;
      sample::put(b, "go", "yield@1", moved);
      answer second = of("go yield@1 cpu", json::number(limit), 1, &b).said;
      bool opposite = (first == answer::holds && second == answer::fails) ||
                      (first == answer::fails && second == answer::holds);
      EXPECT_FALSE(opposite) << "limit " << limit << ", " << moved;
    }
  }
}

TEST(verdict, what_is_not_measured_says_why) {
  board none;
  none.columns = sample::filled().columns;
  EXPECT_EQ(of("go yield@1 cpu", "1", 1, &none).text(), "");
  EXPECT_EQ(of("go yield@1 cpu", "1", 1, &none).why, "Go was not run");
  EXPECT_EQ(of("python yield@1 cpu", "1").why, "Python is not here: not found");
  EXPECT_EQ(of("java yield@1 cpu", "1").why, "Java failed: timed out after 30.0 s");
  EXPECT_EQ(of("epoll yield@1 cpu", "1").why, "epoll was left out");
}

TEST(verdict, a_program_that_skipped_work_decides_nothing) {
  EXPECT_EQ(of("go select@1 cpu", "thrum select@1 cpu").said, answer::unmeasured);
  EXPECT_EQ(of("go select@1 cpu", "thrum select@1 cpu").why, "Go did not do the work");
}

} // namespace
} // namespace versus
