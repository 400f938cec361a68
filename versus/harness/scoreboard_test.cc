#include "harness/scoreboard.h"

#include "harness/sample_board.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

using state = ruling::state;

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++n;
  return n;
}

ruling of(state what, const std::string& source = "S1:10", const std::string& exp = "X9") {
  return {{source, "A <sentence>."}, exp, "A sample", "it is so", what, "Go 1 ns", "today"};
}

std::string board_of(const std::vector<ruling>& all) { return render_scoreboard(all, sample::filled()); }

TEST(scoreboard, every_state_has_a_badge_with_a_word_and_not_only_a_colour) {
  for (state s :
       {state::holds, state::fails, state::close, state::unmeasured, state::described, state::not_yet}) {
    std::string text = board_of({of(s)});
    EXPECT_EQ(count(text, "class=\"badge "), 1);
    EXPECT_NE(text.find(std::string("</span> ") + word_of(s) + "</span>"), std::string::npos) << text;
  }
}

TEST(scoreboard, the_tiles_count_verdicts) {
  std::string text = board_of({of(state::holds), of(state::holds), of(state::fails)});
  EXPECT_NE(text.find("<b>2</b> hold<"), std::string::npos) << text;
  EXPECT_NE(text.find("<b>1</b> do not hold<"), std::string::npos);
}

TEST(scoreboard, a_sentence_with_two_verdicts_is_quoted_once) {
  EXPECT_EQ(count(board_of({of(state::holds), of(state::fails)}), "A &lt;sentence&gt;."), 1);
  EXPECT_EQ(count(board_of({of(state::holds), of(state::fails, "S1:11")}), "A &lt;sentence&gt;."), 2);
}

TEST(scoreboard, what_this_run_left_out_and_what_is_not_yet_is_folded_and_counted) {
  std::string text =
      board_of({of(state::holds), of(state::unmeasured, "S2:1", "X4"), of(state::not_yet, "S2:2", "X24"),
                of(state::not_yet, "S3:2", "X24"), of(state::not_yet, "S3:4", "X25")});
  EXPECT_NE(text.find("Not part of this run: 1 sentence of 1 experiment<"), std::string::npos) << text;
  EXPECT_NE(text.find("Not yet: 3 sentences of 2 experiments<"), std::string::npos) << text;
  EXPECT_EQ(count(text, "<details>"), 2);
}

TEST(scoreboard, it_links_to_cards_that_are_there_only) {
  std::string text = board_of({of(state::holds), of(state::not_yet, "S2:2", "X24")});
  EXPECT_EQ(count(text, "href=\"#X9\""), 1);
  EXPECT_EQ(count(text, "href=\"#X24\""), 0);
}

} // namespace
} // namespace versus
