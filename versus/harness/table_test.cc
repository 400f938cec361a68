#include "harness/table.h"

#include "harness/sample_board.h"
#include "harness/terminal.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace versus {
namespace {

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(table, no_line_is_wider_than_the_terminal) {
  experiment e = sample::one();
  board b = sample::filled();
  for (bool colour : {false, true})
    for (bool unicode : {false, true})
      for (int width : {30, 40, 60, 79, 80, 100, 104, 120, 130, 160, 200})
        for (const std::string& line : split_lines(render_table(e, b, {width, colour, unicode})))
          EXPECT_LE(columns(line), width) << line;
}

TEST(table, every_width_shows_the_deciding_figures) {
  experiment e = sample::one();
  board b = sample::filled();
  for (int width : {40, 80, 120, 200}) {
    std::string text = render_table(e, b, {width, false, true});
    for (const char* part :
         {"11.0", "40.0", "3.6x", "15.0\u00b9", "n/a", "failed", "5.00!", "--full", "1.23M", "not here"})
      EXPECT_TRUE(has(text, part)) << width << " " << part << "\n" << text;
  }
}

TEST(table, a_wide_terminal_gets_a_matrix_and_a_narrow_one_a_list) {
  experiment e = sample::one();
  board b = sample::filled();
  auto lines_with = [&](int width, const std::string& part) {
    int n = 0;
    for (const std::string& line : split_lines(render_table(e, b, {width, false, true})))
      if (line.starts_with("  " + part)) ++n;
    return n;
  };
  EXPECT_EQ(lines_with(160, "yield, one CPU  "), 1) << "a row";
  EXPECT_EQ(lines_with(60, "yield, one CPU: CPU, ns/op"), 1) << "a heading";
  EXPECT_EQ(lines_with(60, "  Go "), 4) << "a line a row";
}

TEST(table, colour_is_only_there_when_asked_for) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_FALSE(has(render_table(e, b, {120, false, true}), "\x1b"));
  EXPECT_TRUE(has(render_table(e, b, {120, true, true}), "\x1b[1m")) << "the lowest is bold";
}

TEST(table, ascii_is_enough) {
  experiment e = sample::one();
  board b = sample::filled();
  for (char c : render_table(e, b, {200, false, false})) EXPECT_GE(c, 0);
}

TEST(table, a_liar_is_never_the_best) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_EQ(best_of(e, *e.find("select@1"), b, "cpu"), 100);
  EXPECT_EQ(best_of(e, *e.find("yield@1"), b, "cpu"), 11);
}

TEST(table, it_says_plainly_who_is_ahead) {
  experiment e = sample::one();
  board b = sample::filled();
  std::string text = standing(e, b);
  EXPECT_TRUE(has(text, "3 of 4 rows")) << text;
  EXPECT_TRUE(has(text, "Node in 1 row (yield, all CPUs, 0.75x)")) << text;
}

TEST(table, a_row_that_nobody_else_can_have_does_not_count_for_thrum) {
  experiment e = sample::one();
  board b = sample::filled();
  for (const char* other : {"go", "node", "python", "boost_fiber"})
    e.variants[2].absent.emplace_back(other, "no such thing");
  EXPECT_TRUE(has(standing(e, b), "2 of 3 rows")) << standing(e, b);
}

// A row of wall time, and one that is decided by a share.
struct shares {
  experiment e = *parse_experiment(R"({"id":"X9","title":"t",
    "metrics":[{"id":"wall","title":"wall","unit":"ms","label":"wall ms"},
               {"id":"lost","title":"lost","unit":"%","label":"lost %"}],
    "variants":[{"id":"crowd@all","title":"a crowd","check":{"rule":"count"},"metrics":["wall"],
                 "absent":{"java":"no crowds"}},
                {"id":"beside@all","title":"side by side","check":{"rule":"count"},"metrics":["lost"],
                 "absent":{"java":"no crowds"}}]})");
  board b = sample::filled();
  shares() {
    put("thrum", "crowd@all", "wall", 200), put("go", "crowd@all", "wall", 100);
    put("thrum", "beside@all", "lost", 0.5), put("go", "beside@all", "lost", 0.25);
  }
  void put(const char* runtime, const char* variant, const char* metric, double value) {
    b.apply_line(json::writer()
                     .add("exp", "X9")
                     .add("rt", runtime)
                     .add("variant", variant)
                     .add("n", 10)
                     .add("metric", metric)
                     .add("value", value)
                     .line());
  }
};

TEST(table, a_row_shows_its_own_metrics_and_no_others) {
  shares s;
  for (int width : {60, 160}) {
    std::vector<std::string> lines = split_lines(render_table(s.e, s.b, {width, false, true}));
    for (const char* metric : {"wall", "lost"})
      EXPECT_EQ(
          std::count_if(lines.begin(), lines.end(), [&](const std::string& l) { return has(l, metric); }), 1)
          << width << " " << metric;
  }
}

TEST(table, a_share_is_not_so_many_times_another) {
  shares s;
  EXPECT_TRUE(has(render_table(s.e, s.b, {160, false, true}), "0.50x")) << "100 ms against 200 ms";
  s.b.apply_line(R"({"event":"session","contestants":[{"id":"thrum","title":"thrum","here":true},
                     {"id":"go","title":"Go","here":true}]})");
  s.e.variants.erase(s.e.variants.begin());
  std::string text = render_table(s.e, s.b, {160, false, true});
  EXPECT_FALSE(has(text, "0.50x")) << text;
  EXPECT_TRUE(has(text, "Go in 1 row (side by side, 0.25% against 0.50%)")) << text;
}

TEST(table, rows_that_are_decided_by_different_things_are_not_called_by_one) {
  shares s;
  EXPECT_TRUE(has(standing(s.e, s.b), "lowest deciding figure in 0 of 2 rows")) << standing(s.e, s.b);
}

TEST(table, a_reason_that_holds_for_many_rows_is_said_once) {
  shares s;
  std::string text = render_table(s.e, s.b, {200, false, true});
  EXPECT_TRUE(has(text, "Java: crowd, beside: n/a, no crowds")) << text;
}

TEST(table, a_load_above_the_processors_is_flagged) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_TRUE(noise_of(e, b).busy);
  b.apply_line(R"({"event":"end","exp":"X9","load":1.5,"others":0.02,"runs":3})");
  EXPECT_FALSE(noise_of(e, b).busy);
  b.apply_line(R"({"event":"end","exp":"X9","load":1.5,"others":0.4,"runs":3})");
  EXPECT_TRUE(noise_of(e, b).busy);
}

TEST(table, an_optional_runtime_that_is_missing_has_no_column) {
  board b = sample::filled();
  EXPECT_EQ(visible_columns(sample::one(), b).size(), 5u);
}

TEST(table, a_ceiling_has_a_column_only_where_it_is_measured) {
  board b = sample::filled();
  column& ceiling = b.columns.emplace_back();
  ceiling.id = "epoll";
  ceiling.here = true;
  experiment e = sample::one();
  EXPECT_EQ(visible_columns(e, b).size(), 6u);
  for (variant& v : e.variants) v.absent.emplace_back("epoll", "not measured");
  EXPECT_EQ(visible_columns(e, b).size(), 5u);
}

TEST(table, a_guest_that_has_no_program_or_no_time_has_no_column) {
  board b = sample::filled();
  column& guest = b.columns.emplace_back();
  guest.id = "tokio";
  guest.here = true;
  experiment e = sample::one();
  EXPECT_EQ(visible_columns(e, b).size(), 6u);
  b.apply_line(R"({"event":"stays_out","exp":"X9","rt":"tokio"})");
  EXPECT_EQ(visible_columns(e, b).size(), 5u);
  board other = sample::filled();
  other.columns.push_back(b.columns.back());
  for (variant& v : e.variants) v.absent.emplace_back("tokio", "it has no program");
  EXPECT_EQ(visible_columns(e, other).size(), 5u);
}

TEST(terminal, a_missing_runtime_is_told_with_what_brings_it) {
  contestant c;
  c.id = "go", c.title = "Go", c.why = "not found", c.package = "golang-go";
  std::string text = render_banner("a machine", {c}, {100, false, true});
  EXPECT_TRUE(has(text, "not here: not found; sudo apt install golang-go")) << text;
}

TEST(terminal, side_by_side_where_it_fits_else_one_under_the_other) {
  std::string source = "line one\nline two\n";
  std::vector<std::string> printed = {"out 1", "out 2", "out 3"};
  EXPECT_TRUE(has(render_side_by_side(source, printed, {80, false, true}), "line two \u2502 out 2"));
  EXPECT_FALSE(has(render_side_by_side(source, printed, {16, false, true}), "\u2502"));
  EXPECT_TRUE(has(render_side_by_side(source, printed, {16, false, true}), "out 3"));
}

TEST(terminal, progress_fits_on_one_line) {
  experiment e = sample::one();
  progress p;
  p.now = &e;
  p.doing = "Boost.Fiber, all processors, run 3 of 3";
  p.done = 4, p.total = 60, p.elapsed = 65, p.left = 30;
  for (int width : {30, 80, 200}) EXPECT_LT(columns(render_progress(p, {width, false, true})), width);
  EXPECT_TRUE(has(render_progress(p, {200, false, true}), "[5/60  1:05, about 0:30 left]  X9 Boost.Fiber"));
}

} // namespace
} // namespace versus
