#include "harness/report.h"

#include "harness/chart.h"
#include "harness/html.h"
#include "harness/sample_board.h"

#include <gtest/gtest.h>

#include <cmath>

namespace versus {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(report, html_is_escaped) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

TEST(report, what_programs_and_files_say_cannot_become_markup) {
  experiment e = sample::one();
  board b = sample::filled();
  b.apply_line(
      R"({"event":"trouble","exp":"X9","rt":"java","variants":["yield@all"],"what":"<script>alert(1)</script>"})");
  b.apply_line(R"({"event":"pool","lines":["<img src=x>"]})");
  std::string page = render_report(b, {e}, {}, "/none", "/none");
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "<img"));
  EXPECT_TRUE(has(page, "&lt;script&gt;alert(1)"));
  EXPECT_TRUE(has(page, "Goroutines are &lt;light&gt; &amp; &quot;cheap&quot;."));
  EXPECT_TRUE(has(page, "a &lt;machine&gt;"));
}

TEST(report, it_needs_nothing_from_anywhere) {
  experiment e = sample::one();
  std::string page = render_report(sample::filled(), {e}, {}, "/none", "/none");
  for (const char* part : {"http:", "https:", "src=", "@import", "url(", "<link"})
    EXPECT_FALSE(has(page, part)) << part;
}

TEST(report, tags_are_balanced) {
  experiment e = sample::one();
  std::string page = render_report(sample::filled(), {e}, {}, "/none", "/none");
  for (const char* name :
       {"section", "div", "span", "table", "tr", "td", "ul", "li", "details", "svg", "blockquote"}) {
    auto count = [&](const std::string& what) {
      int n = 0;
      for (std::size_t at = 0; (at = page.find(what, at)) != std::string::npos; ++at) ++n;
      return n;
    };
    std::string open = "<" + std::string(name);
    EXPECT_EQ(count(open + ">") + count(open + " "), count("</" + std::string(name) + ">")) << name;
  }
}

TEST(report, every_kind_of_figure_has_an_axis_of_its_own) {
  experiment e = sample::one();
  std::string one = render_report(sample::filled(), {e}, {}, "/none", "/none");
  e.variants[2].metrics = {"wall"};
  std::string two = render_report(sample::filled(), {e}, {}, "/none", "/none");
  auto axes = [](const std::string& page) {
    int n = 0;
    for (std::size_t at = 0; (at = page.find("Bars are medians", at)) != std::string::npos; ++at) ++n;
    return n;
  };
  EXPECT_EQ(axes(one), 1);
  EXPECT_EQ(axes(two), 3) << "CPU, wall, CPU again";
}

TEST(report, an_axis_is_logarithmic_when_figures_differ_by_more_than_twenty_times) {
  axis near(10, 200), far(10, 201);
  EXPECT_FALSE(near.logarithmic());
  EXPECT_EQ(near.at(0), 0);
  EXPECT_EQ(near.at(100), 50);
  EXPECT_EQ(near.at(200), 100);
  EXPECT_TRUE(far.logarithmic());
  EXPECT_GT(far.at(10), 0);
  EXPECT_LE(far.at(201), 100);
  EXPECT_NEAR(far.at(100) - far.at(10), far.at(10) - far.at(1), 0.001);
  EXPECT_EQ(far.at(0), 0) << "nothing falls off the chart";
}

TEST(report, a_linear_axis_has_a_few_round_marks) {
  for (double largest = 0.013; largest < 1e7; largest *= 1.37) {
    std::vector<double> marks = axis(largest, largest).marks();
    EXPECT_GE(marks.size(), 1u) << largest;
    EXPECT_LE(marks.size(), 5u) << largest;
    for (double mark : marks) {
      EXPECT_LT(mark, largest);
      double digits = mark;
      while (digits >= 100) digits /= 10;
      while (digits < 10) digits *= 10;
      EXPECT_NEAR(digits, std::round(digits), 1e-6) << "two digits at most: " << mark;
    }
  }
}

TEST(report, an_axis_of_nothing_does_no_harm) {
  axis none(0, 0);
  EXPECT_EQ(none.at(0), 0);
  EXPECT_TRUE(none.marks().empty());
}

TEST(report, whiskers_are_drawn_only_when_samples_differ) {
  EXPECT_TRUE(has(bar_svg(50, 40, 60, {}, "go"), "whisker"));
  EXPECT_FALSE(has(bar_svg(50, 50, 50, {}, "go"), "whisker"));
}

} // namespace
} // namespace versus
