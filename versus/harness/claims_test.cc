#include "harness/claims.h"

#include "harness/files.h"
#include "harness/sample_board.h"
#include "harness/session.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace versus {
namespace {

using state = ruling::state;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Go yields in `go` ns; Node in 15.
board run_of(const std::string& date, double go, const std::string& version = "1.26") {
  board b;
  b.apply_line(R"({"event":"session","date":")" + date + R"(","machine":"m","mode":"quick","contestants":[
    {"id":"go","title":"Go","version":")" +
               version + R"(","here":true},
    {"id":"node","title":"Node","version":"20","here":true,"one_thread":true}]})");
  b.apply_line(R"({"event":"start","exp":"X9","load":0})");
  sample::put(b, "go", "yield@1", go);
  sample::put(b, "node", "yield@1", 15);
  return b;
}

std::vector<ruling> rule_with(const std::vector<board>& runs, const experiment& e = sample::one()) {
  std::vector<const board*> newest_first;
  for (const board& b : runs) newest_first.push_back(&b);
  return rule({e}, {}, newest_first);
}

TEST(claims, each_sentence_has_a_verdict_with_its_figures) {
  auto all = rule_with({run_of("2026-01-02", 40)});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].said.source, "S1:10");
  EXPECT_EQ(all[0].verdict, "Go is faster than Node");
  EXPECT_EQ(all[0].what, state::fails);
  EXPECT_EQ(all[0].detail, "Go 40.0 ns/op, Node 15.0 ns/op");
}

TEST(claims, a_verdict_is_said_of_the_sentences_that_it_names) {
  experiment e = sample::one();
  e.claims = {{"S1:10", "one"}, {"S3:5", "two"}, {"S2:7", "three"}};
  e.verdicts[0].sources = {"S3:5", "S1:10"};
  auto all = rule_with({run_of("2026-01-02", 4)}, e);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].said.text, "one");
  EXPECT_EQ(all[0].what, state::holds);
  EXPECT_EQ(all[1].said.text, "three") << "in the order of the articles";
  EXPECT_EQ(all[1].what, state::described);
  EXPECT_EQ(all[2].what, state::holds);
}

TEST(claims, a_verdict_on_what_is_no_claim_is_a_mistake) {
  auto e = parse_experiment(R"({"id":"X1","title":"t","claims":[{"source":"S1:1","text":"t"}],
    "metrics":[{"id":"cpu"}],"variants":[{"id":"a@1","title":"t","check":{"rule":"count"}}],
    "verdicts":[{"claim":"c","sources":["S1:2"],"left":"go a@1 cpu","below":"5"}]})");
  ASSERT_FALSE(e);
  EXPECT_TRUE(has(e.error(), "S1:2")) << e.error();
}

TEST(claims, without_a_run_they_say_how_to_measure) {
  auto all = rule_with({});
  EXPECT_EQ(all[0].what, state::unmeasured);
  EXPECT_EQ(all[0].detail, "versus run X9 measures it");
}

TEST(claims, a_runtime_that_is_not_here_leaves_its_claims_open) {
  board b = run_of("2026-01-02", 40);
  b.columns[0].here = false;
  b.columns[0].why = "not found";
  auto all = rule_with({b});
  EXPECT_EQ(all[0].what, state::unmeasured);
  EXPECT_EQ(all[0].detail, "Go is not here: not found");
}

TEST(claims, a_run_that_left_a_runtime_out_does_not_wipe_out_an_older_one) {
  board partial = run_of("2026-01-03", 40);
  partial.columns.erase(partial.columns.begin() + 1);
  auto all = rule_with({partial, run_of("2026-01-02", 4)});
  EXPECT_EQ(all[0].what, state::holds);
  EXPECT_EQ(all[0].date, "2026-01-02");
}

TEST(claims, a_bound_is_said_with_the_figure) {
  experiment e = sample::one();
  e.verdicts[0].right = {"", "", "", 100};
  EXPECT_EQ(rule_with({run_of("2026-01-02", 40)}, e)[0].detail, "Go 40.0 ns/op (to be below 100)");
  std::swap(e.verdicts[0].left, e.verdicts[0].right);
  EXPECT_EQ(rule_with({run_of("2026-01-02", 40)}, e)[0].detail, "Go 40.0 ns/op (to be above 100)");
}

TEST(claims, two_runs_that_contradict_each_other_are_too_close) {
  auto all = rule_with({run_of("2026-01-03", 40), run_of("2026-01-02", 4)});
  EXPECT_EQ(all[0].what, state::close);
  EXPECT_TRUE(has(all[0].detail, "2026-01-02 said the opposite")) << all[0].detail;
}

TEST(claims, another_version_may_differ) {
  EXPECT_EQ(rule_with({run_of("2026-01-03", 40, "1.27"), run_of("2026-01-02", 4)})[0].what, state::fails);
}

TEST(claims, what_is_not_yet_says_what_it_waits_for) {
  auto all = rule({}, {{"X24", "Order", "Which?", "event loop", {{"S1:72", "The Event Loop"}}}}, {});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].what, state::not_yet);
  EXPECT_EQ(all[0].detail, "waits for event loop");
}

TEST(claims, no_line_is_wider_than_the_terminal_and_a_sentence_is_said_once) {
  experiment e = sample::one();
  e.verdicts.push_back(e.verdicts[0]);
  auto all = rule_with({run_of("2026-01-02", 40)}, e);
  for (bool colour : {false, true})
    for (int width : {30, 40, 59, 60, 80, 100, 160}) {
      std::string text = render_claims(all, {width, colour, true});
      for (std::size_t at = 0; at < text.size();) {
        std::size_t end = text.find('\n', at);
        EXPECT_LE(columns(text.substr(at, end - at)), width) << text.substr(at, end - at);
        at = end + 1;
      }
      EXPECT_EQ(has(text, "\x1b["), colour);
      std::size_t first = text.find("Goroutines");
      EXPECT_EQ(text.find("Goroutines", first + 1), std::string::npos);
    }
}

TEST(claims, json_has_a_line_for_each_that_can_be_read_back) {
  std::string text = claims_json(rule_with({run_of("2026-01-02", 40)}));
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  auto line = json::parse(text.substr(0, text.size() - 1));
  ASSERT_TRUE(line) << line.error();
  EXPECT_EQ(line->text("verdict"), "does not hold");
  EXPECT_EQ(line->text("source"), "S1:10");
}

TEST(claims, the_tally_counts_all) {
  EXPECT_EQ(tally(rule_with({run_of("2026-01-02", 40)})), "1 does not");
  EXPECT_EQ(tally(rule_with({})), "1 is not measured here");
}

TEST(session, the_newest_run_comes_first_and_other_files_are_passed_over) {
  scratch_directory scratch;
  auto session_of = [](const std::string& date) {
    return R"({"event":"session","date":")" + date +
           R"(","contestants":[{"id":"go","title":"Go","here":true}]})";
  };
  write_file(scratch.path() + "/b.jsonl", session_of("2026-01-01") + "\n");
  write_file(scratch.path() + "/a.jsonl", session_of("2026-01-02") + "\n{\"exp\":\"X9\",\"rt");
  write_file(scratch.path() + "/c.jsonl", "no run\n");
  write_file(scratch.path() + "/d.html", session_of("2026-01-03"));
  auto runs = read_sessions(scratch.path());
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].what.date, "2026-01-02") << "cut off by a crash, and a run all the same";
  EXPECT_EQ(runs[1].what.date, "2026-01-01");
}

TEST(session, lines_that_are_no_events_are_named_by_their_place) {
  scratch_directory scratch;
  std::string file = scratch.path() + "/f";
  write_file(file, "{\"event\":\"finish\"}\nhello\n");
  board b;
  std::vector<std::string> wrong;
  EXPECT_TRUE(apply_file(b, file, wrong));
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_TRUE(wrong[0].starts_with(file + ":2: ")) << wrong[0];
  EXPECT_FALSE(apply_file(b, scratch.path() + "/none", wrong));
}

} // namespace
} // namespace versus
