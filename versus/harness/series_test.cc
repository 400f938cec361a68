#include "harness/series.h"

#include "harness/build_paths.h"
#include "harness/files.h"
#include "harness/process.h"
#include "harness/sample_board.h"
#include "harness/strip.h"
#include "kit/kit.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

std::string why_not(const std::string& text) {
  auto value = json::parse(text);
  if (!value) return value.error();
  auto ticks = parse_series(*value);
  return ticks ? "" : ticks.error();
}

TEST(series, pairs_are_read_and_written) {
  auto ticks = parse_series(*json::parse("[[1062,62],[4103.5,103]]"));
  ASSERT_TRUE(ticks) << ticks.error();
  ASSERT_EQ(ticks->size(), 2u);
  EXPECT_EQ((*ticks)[1].at, 4103.5);
  EXPECT_EQ(to_json(*ticks), "[[1062,62],[4103.5,103]]");
  EXPECT_EQ(latest(*ticks), 103);
}

TEST(series, what_cannot_be_drawn_is_refused) {
  EXPECT_NE(why_not("[]"), "");
  EXPECT_NE(why_not("5"), "");
  EXPECT_NE(why_not("[[1]]"), "");
  EXPECT_NE(why_not("[[1,null]]"), "");
  EXPECT_NE(why_not("[[1000,-1]]"), "") << "early";
  EXPECT_NE(why_not("[[1000,2000]]"), "") << "due before the start";
  EXPECT_NE(why_not("[[2000,1],[1000,1]]"), "") << "time runs forwards";
  std::string many = "[[1,0]";
  for (std::size_t i = 1; i < most_ticks; ++i) many += ",[" + std::to_string(i + 1) + ",0]";
  EXPECT_EQ(why_not(many + "]"), "");
  EXPECT_NE(why_not(many + ",[9999,0]]"), "");
}

TEST(series, the_typical_run_has_seen_neither_the_best_luck_nor_the_worst) {
  std::vector<series> runs = {{{2000, 900}}, {{1000, 10}}, {{1000, 200}}};
  EXPECT_EQ(latest(*typical(runs)), 200);
  runs.resize(2);
  EXPECT_EQ(latest(*typical(runs)), 10) << "of two, the smaller";
  EXPECT_EQ(typical(std::vector<series>{}), nullptr);
}

// A ticker that freezes from tick 100 to tick 399 and then makes up for it, among 3,000.
std::vector<double> frozen() {
  std::vector<double> late(3000, 60);
  for (int i = 100; i < 400; ++i) late[static_cast<std::size_t>(i)] = (400 - i) * 1000;
  late[2500] = 7000;
  return late;
}

series from(const std::string& line) {
  auto parsed = json::parse(line);
  EXPECT_TRUE(parsed && parsed->find("series") != nullptr) << line;
  auto ticks = parse_series(*parsed->find("series"));
  EXPECT_TRUE(ticks) << ticks.error();
  return *ticks;
}

TEST(series, a_kit_keeps_the_latest_ticks_and_the_gap_of_a_freeze) {
  char name[] = "x";
  char* arguments[] = {name, nullptr};
  kit::bench b("X9", "thrum", 1, arguments);
  testing::internal::CaptureStdout();
  b.emit_lateness("yield", frozen(), 1000);
  series ticks = from(testing::internal::GetCapturedStdout());
  EXPECT_LE(ticks.size(), 300u);
  EXPECT_EQ(latest(ticks), 300'000);
  int large = 0;
  for (const late_tick& t : ticks) {
    EXPECT_FALSE(t.at > 101'000 && t.at < 400'000) << "nothing ran then: " << t.at;
    large += t.late > 1000 ? 1 : 0;
  }
  EXPECT_EQ(large, 2) << "the end of the freeze, and the late one after it";
}

TEST(series, a_kit_says_nothing_of_ticks_that_were_early_or_never) {
  char name[] = "x";
  char* arguments[] = {name, nullptr};
  kit::bench b("X9", "thrum", 1, arguments);
  testing::internal::CaptureStdout();
  b.emit_lateness("yield", {}, 1000);
  b.emit_lateness("yield", {-0.7, -3}, 1000);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

// The program prints a series of frozen().
void says_what_the_kit_of_cpp_says(command program) {
  interrupts stop;
  program.timeout = 60;
  text_outcome said = run_for_text(program, stop);
  ASSERT_TRUE(said.good()) << said.describe() << said.error_output;
  char name[] = "x";
  char* arguments[] = {name, nullptr};
  kit::bench b("X9", "thrum", 1, arguments);
  testing::internal::CaptureStdout();
  b.emit_lateness("yield", frozen(), 1000);
  EXPECT_EQ(to_json(from(said.output)), to_json(from(testing::internal::GetCapturedStdout())));
}

TEST(series, pythons_kit_says_the_same) {
  std::string python = find_program("python3");
  if (python.empty()) GTEST_SKIP() << "no python3";
  says_what_the_kit_of_cpp_says(
      {.argv = {python, "-B", "-c",
                "import sys; sys.path.append(sys.argv.pop()); from kit import Bench\n"
                "late = [60] * 3000\n"
                "for i in range(100, 400): late[i] = (400 - i) * 1000\n"
                "late[2500] = 7000\n"
                "Bench('X9').emit_lateness('yield', late, 1000)",
                std::string(build_paths::source) + "/kit"}});
}

TEST(series, nodes_kit_says_the_same) {
  std::string node = find_program("node");
  if (node.empty()) GTEST_SKIP() << "no node";
  scratch_directory scratch;
  write_file(scratch.path() + "/main.mjs", "import { Bench } from '" + std::string(build_paths::source) +
                                               "/kit/kit.mjs';\n"
                                               "const late = new Array(3000).fill(60);\n"
                                               "for (let i = 100; i < 400; i++) late[i] = (400 - i) * 1000;\n"
                                               "late[2500] = 7000;\n"
                                               "new Bench('X9').emitLateness('yield', late, 1000);\n");
  says_what_the_kit_of_cpp_says({.argv = {node, scratch.path() + "/main.mjs"}});
}

TEST(series, tokios_kit_says_the_same) {
  std::string rustc = find_program("rustc");
  interrupts stop;
  if (rustc.empty() || !run_for_text({.argv = {rustc, "--version"}}, stop).good()) GTEST_SKIP() << "no rustc";
  scratch_directory scratch;
  const std::string source = scratch.path() + "/main.rs", program = scratch.path() + "/main";
  write_file(source, "#[path = \"" + std::string(build_paths::source) +
                         "/kit/tokio/src/lateness.rs\"]\n"
                         "mod lateness;\n"
                         "fn main() {\n"
                         "    let mut late = [60.0; 3000];\n"
                         "    for i in 100..400 { late[i] = (400 - i) as f64 * 1000.0; }\n"
                         "    late[2500] = 7000.0;\n"
                         "    println!(r#\"{{\"n\":3000,\"metric\":\"late\",\"series\":[{}]}}\"#, "
                         "lateness::pairs(&late, 1000.0));\n"
                         "}\n");
  command build = {.argv = {rustc, "--edition=2021", "-o", program, source}};
  build.timeout = 200;
  text_outcome built = run_for_text(build, stop);
  ASSERT_TRUE(built.good()) << built.describe() << built.error_output;
  says_what_the_kit_of_cpp_says({.argv = {program}});
}

std::string lateness(const std::string& runtime, const std::string& variant, const std::string& ticks) {
  return R"({"exp":"X9","rt":")" + runtime + R"(","variant":")" + variant +
         R"(","n":3,"metric":"late","unit":"us","series":)" + ticks + "}";
}

TEST(series, a_board_keeps_them_apart_from_the_figures) {
  experiment e = sample::one();
  board b = sample::filled();
  const variant& v = *e.find("yield@1");
  EXPECT_EQ(b.look_at_series(e, v, b.columns[0]), nullptr) << "files of earlier versions have none";
  EXPECT_EQ(b.apply_line(lateness("thrum", "yield@1", "[[1000,5],[2000,90]]")), "");
  ASSERT_NE(b.look_at_series(e, v, b.columns[0]), nullptr);
  EXPECT_EQ(latest(*b.look_at_series(e, v, b.columns[0])), 90);
  shown_cell cell = b.look(e, v, b.columns[0]);
  EXPECT_EQ(cell.figure_of("late"), nullptr);
  EXPECT_EQ(cell.figure_of("cpu")->median, 11);
  EXPECT_NE(b.apply_line(lateness("thrum", "yield@1", "[[1000,-5]]")), "");
}

TEST(series, a_row_of_all_processors_borrows_that_of_a_one_thread_runtime) {
  experiment e = sample::one();
  board b = sample::filled();
  b.apply_line(lateness("node", "yield@1", "[[1000,5]]"));
  EXPECT_NE(b.look_at_series(e, *e.find("yield@all"), b.columns[2]), nullptr);
}

TEST(strip, a_freeze_is_drawn_as_the_time_in_which_nothing_ran) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_EQ(strips(e, b), "");
  b.apply_line(lateness("thrum", "yield@1", "[[1000,5],[500000,20],[1000000,40]]"));
  EXPECT_EQ(strips(e, b).find("stall"), std::string::npos);
  b.apply_line(lateness("node", "yield@1", "[[1000,5],[400000,300000]]"));
  std::string page = strips(e, b);
  EXPECT_NE(page.find("class=\"stall\" x=\"10.00\" y=\"0\" width=\"30.00\""), std::string::npos) << page;
  EXPECT_NE(page.find("300 ms"), std::string::npos);
}

TEST(strip, a_runtime_that_ends_earlier_has_a_shorter_line_under_the_same_axis) {
  experiment e = sample::one();
  board b = sample::filled();
  b.apply_line(lateness("thrum", "yield@1", "[[1000,5],[1000000,40]]"));
  b.apply_line(lateness("node", "yield@1", "[[1000,5],[250000,30]]"));
  std::string page = strips(e, b);
  EXPECT_NE(page.find("class=\"base\" x1=\"0\" x2=\"100.00\""), std::string::npos) << page;
  EXPECT_NE(page.find("class=\"base\" x1=\"0\" x2=\"25.00\""), std::string::npos) << page;
}

TEST(strip, height_is_logarithmic_from_ten_microseconds) {
  EXPECT_EQ(strip_height(0, 100'000), 0);
  EXPECT_EQ(strip_height(10, 100'000), 0);
  EXPECT_NEAR(strip_height(1000, 100'000), 50, 1e-9);
  EXPECT_NEAR(strip_height(100'000, 100'000), 100, 1e-9);
  EXPECT_NEAR(strip_height(20, 30), 30.1, 0.1) << "a quiet row is not blown up";
}

TEST(strip, times_are_short) {
  EXPECT_EQ(short_time(62), "62 us");
  EXPECT_EQ(short_time(1000), "1 ms");
  EXPECT_EQ(short_time(4130), "4.1 ms");
  EXPECT_EQ(short_time(23'456), "23 ms");
  EXPECT_EQ(short_time(1'234'000), "1.2 s");
  EXPECT_EQ(short_time(999.7), "1 ms");
}

} // namespace
} // namespace versus
