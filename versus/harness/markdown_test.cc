#include "harness/markdown.h"

#include "harness/sample_board.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace versus {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(markdown, a_row_has_a_cell_a_runtime_and_the_lowest_figure_is_bold) {
  const std::string text = render_markdown({sample::one()}, sample::filled());
  EXPECT_TRUE(has(text, "### X9 A sample\n\n| | thrum | Go | Node | Python | Java |\n")) << text;
  EXPECT_TRUE(has(text, "| yield, one CPU, CPU ns/op | **11.0** | 40.0 | 15.0 | not here | failed |\n"))
      << text;
  EXPECT_TRUE(has(text, "| yield, all CPUs, CPU ns/op | 20.0 | 30.0 | **15.0**¹ |")) << text;
  EXPECT_TRUE(has(text, "- Go is faster than Node: Go 40.0 ns/op, Node 15.0 ns/op: does not hold here\n"))
      << text;
}

TEST(markdown, every_line_of_a_table_has_as_many_cells) {
  const std::string text = render_markdown({sample::one()}, sample::filled());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    if (line.starts_with("|")) { EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 7) << line; }
    at = end + 1;
  }
}

TEST(markdown, titles_cannot_break_it) {
  experiment e = sample::one();
  e.variants[0].title = "a|b *c* <d>";
  EXPECT_TRUE(has(render_markdown({e}, sample::filled()), "| a\\|b \\*c\\* \\<d\\>, CPU ns/op |"));
}

TEST(markdown, nothing_measured_is_nothing_said) { EXPECT_EQ(render_markdown({sample::one()}, board{}), ""); }

} // namespace
} // namespace versus
