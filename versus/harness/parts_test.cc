#include "harness/parts.h"

#include "harness/sample_board.h"
#include "harness/stack_chart.h"
#include "kit/kit.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

std::expected<part_list, std::string> read(const std::string& text) {
  return parse_parts(*json::parse(text));
}

TEST(parts, names_and_amounts_keep_their_order) {
  auto of = read(R"({"pages":2000,"page tables":48.5,"kernel stacks":-1})");
  ASSERT_TRUE(of) << of.error();
  ASSERT_EQ(of->size(), 3u);
  EXPECT_EQ((*of)[1].first, "page tables");
  EXPECT_EQ(total(*of), 2047.5);
  EXPECT_EQ(to_json(*of), R"({"pages":2000,"page tables":48.5,"kernel stacks":-1})");
}

TEST(parts, what_cannot_be_stacked_is_refused) {
  EXPECT_FALSE(read("{}"));
  EXPECT_FALSE(read("[1,2]"));
  EXPECT_FALSE(read(R"({"pages":"many"})"));
  EXPECT_FALSE(read(R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1})"));
}

TEST(parts, the_run_with_the_median_total_is_shown) {
  std::vector<part_list> runs = {{{"a", 30}}, {{"a", 10}}, {{"a", 15}, {"b", 5}}};
  EXPECT_EQ(total(*typical(runs)), 20);
  EXPECT_EQ(typical(std::vector<part_list>{}), nullptr);
}

TEST(parts, a_kit_says_parts_that_add_up_to_the_figure_before_them) {
  char name[] = "x";
  char* arguments[] = {name, nullptr};
  kit::bench b("X9", "thrum", 1, arguments);
  testing::internal::CaptureStdout();
  b.emit_memory("yield", 10, kit::kinds{40000, 1280, 16384}, "B/task");
  std::string said = testing::internal::GetCapturedStdout();
  auto value = json::parse(said.substr(0, said.find('\n')));
  auto after = json::parse(said.substr(said.find('\n') + 1));
  ASSERT_TRUE(value && after) << said;
  auto of = parse_parts(*after->find("parts"));
  ASSERT_TRUE(of) << of.error();
  EXPECT_EQ(value->num("value"), 5766.4);
  EXPECT_DOUBLE_EQ(total(*of), 5766.4);
}

std::string told(const std::string& runtime, const std::string& content) {
  return R"({"exp":"X9","rt":")" + runtime +
         R"(","variant":"yield@1","n":9,"metric":"cpu","unit":"ns/op","parts":)" + content + "}";
}

TEST(stack_chart, parts_stand_one_behind_the_other_from_zero_on) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_EQ(stack_chart(e, b), "") << "files of earlier versions have none";
  EXPECT_EQ(b.apply_line(told("thrum", R"({"pages":30,"page tables":10})")), "");
  EXPECT_EQ(b.apply_line(told("go", R"({"pages":60,"page tables":20})")), "");
  std::string page = stack_chart(e, b);
  EXPECT_NE(page.find(R"(class="part0" x="0.00" y="1" width="37.50")"), std::string::npos) << page;
  EXPECT_NE(page.find(R"(class="part1" x="37.50" y="1" width="12.50")"), std::string::npos) << page;
  EXPECT_NE(page.find(R"(class="part1" x="75.00" y="1" width="25.00")"), std::string::npos) << page;
  EXPECT_NE(page.find("pages 60.0, page tables 20.0"), std::string::npos) << page;
}

TEST(stack_chart, what_was_given_back_has_no_length_and_stands_in_words) {
  experiment e = sample::one();
  board b = sample::filled();
  b.apply_line(told("thrum", R"({"pages":30,"page tables":-10})"));
  std::string page = stack_chart(e, b);
  EXPECT_NE(page.find(R"(width="100.00")"), std::string::npos) << page;
  EXPECT_NE(page.find("page tables -10.0"), std::string::npos) << page;
}

TEST(stack_chart, a_bar_that_would_dwarf_the_others_is_cut_off_and_says_so) {
  EXPECT_EQ(stack_scale({3, 20, 10}), 20);
  EXPECT_EQ(stack_scale({3, 81, 10}), 20);
  EXPECT_EQ(stack_scale({81}), 81);
  EXPECT_EQ(stack_scale({81, 0}), 81);
  EXPECT_EQ(stack_scale({}), 0);
  experiment e = sample::one();
  board b = sample::filled();
  b.apply_line(told("thrum", R"({"pages":30,"page tables":10})"));
  EXPECT_EQ(stack_chart(e, b).find("; cut off"), std::string::npos);
  b.apply_line(told("go", R"({"pages":600,"page tables":200})"));
  std::string page = stack_chart(e, b);
  EXPECT_NE(page.find("pages 600, page tables 200; cut off"), std::string::npos) << page;
  EXPECT_NE(page.find(R"(class="part0" x="0.00" y="1" width="100.00")"), std::string::npos) << page;
  EXPECT_NE(page.find(R"(class="part0" x="0.00" y="1" width="37.50")"), std::string::npos) << page;
}

TEST(stack_chart, figures_are_what_they_were) {
  experiment e = sample::one();
  board b = sample::filled();
  b.apply_line(told("thrum", R"({"pages":30,"page tables":10})"));
  EXPECT_EQ(b.look(e, *e.find("yield@1"), b.columns[0]).figure_of("cpu")->median, 11);
  EXPECT_NE(b.apply_line(told("thrum", "{}")), "");
}

} // namespace
} // namespace versus
