#include "harness/board.h"

#include "harness/sample_board.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

using kind = shown_cell::kind;

const column& column_of(const board& b, const std::string& id) {
  for (const column& c : b.columns)
    if (c.id == id) return c;
  ADD_FAILURE() << id;
  return b.columns[0];
}

shown_cell look(const board& b, const experiment& e, const std::string& runtime, const std::string& variant) {
  return b.look(e, *e.find(variant), column_of(b, runtime));
}

TEST(board, samples_become_a_median) {
  experiment e = sample::one();
  board b = sample::filled();
  shown_cell c = look(b, e, "thrum", "yield@1");
  EXPECT_EQ(c.state, kind::value);
  EXPECT_EQ(c.figures["cpu"].median, 11);
  EXPECT_EQ(c.figures["cpu"].count, 3);
}

TEST(board, every_gap_has_its_reason) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_EQ(look(b, e, "java", "select@1").state, kind::absent);
  EXPECT_EQ(look(b, e, "java", "select@1").why, "no select");
  EXPECT_EQ(look(b, e, "python", "yield@1").state, kind::not_here);
  EXPECT_EQ(look(b, e, "go", "big@1").state, kind::not_now);
  EXPECT_EQ(look(b, e, "java", "yield@1").state, kind::failed);
  EXPECT_EQ(look(b, e, "java", "yield@1").why, "timed out after 30.0 s");
  EXPECT_EQ(look(b, e, "java", "yield@all").state, kind::pending);
}

TEST(board, a_liar_is_marked_and_keeps_its_figure) {
  experiment e = sample::one();
  board b = sample::filled();
  shown_cell c = look(b, e, "go", "select@1");
  EXPECT_EQ(c.state, kind::wrong);
  EXPECT_EQ(c.figures["cpu"].median, 5);
}

TEST(board, a_one_thread_runtime_lends_its_figure_to_the_row_of_all_processors) {
  experiment e = sample::one();
  board b = sample::filled();
  shown_cell c = look(b, e, "node", "yield@all");
  EXPECT_EQ(c.state, kind::value);
  EXPECT_TRUE(c.borrowed);
  EXPECT_EQ(c.figures["cpu"].median, 15);
  EXPECT_FALSE(look(b, e, "node", "yield@1").borrowed);
}

TEST(board, it_is_complete_only_when_every_row_ran_well) {
  experiment e = sample::one();
  board b = sample::filled();
  EXPECT_TRUE(b.complete({e}, "thrum"));
  EXPECT_FALSE(b.complete({e}, "go"));
  EXPECT_FALSE(b.complete({e}, "python"));
  EXPECT_FALSE(b.complete({e}, "unheard of"));
  b.apply_line(R"({"event":"trouble","exp":"X9","rt":"thrum","variants":["yield@1"],"what":"exit code 1"})");
  EXPECT_FALSE(b.complete({e}, "thrum")) << "one of its runs failed, although another gave a figure";
}

TEST(board, foreign_lines_are_refused) {
  board b;
  EXPECT_NE(b.apply_line("hello"), "");
  EXPECT_NE(b.apply_line("[1]"), "");
  EXPECT_NE(b.apply_line("{}"), "");
  EXPECT_EQ(b.apply_line(R"({"event":"finish","seconds":1})"), "");
}

} // namespace
} // namespace versus
