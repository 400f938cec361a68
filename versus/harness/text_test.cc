#include "harness/text.h"

#include <gtest/gtest.h>

namespace versus {
namespace {

const view plain{.width = 80, .colour = false, .unicode = true};
const view coloured{.width = 80, .colour = true, .unicode = true};

TEST(text, width_counts_characters_and_not_bytes_or_colours) {
  EXPECT_EQ(columns("abc"), 3);
  EXPECT_EQ(columns("\u00b14%"), 3);
  EXPECT_EQ(columns(paint("abc", style::bold, coloured)), 3);
}

TEST(text, without_colour_nothing_is_added) {
  EXPECT_EQ(paint("abc", style::bad, plain), "abc");
  EXPECT_NE(paint("abc", style::bad, coloured), "abc");
}

TEST(text, padding_is_by_columns) {
  EXPECT_EQ(pad_left("\u00b1", 3), "  \u00b1");
  EXPECT_EQ(pad_right(paint("a", style::dim, coloured), 3), paint("a", style::dim, coloured) + "  ");
  EXPECT_EQ(pad_left("long", 2), "long");
}

TEST(text, clipped_text_has_the_width_and_a_mark) {
  EXPECT_EQ(clip("abcdef", 4, plain), "abc\u2026");
  EXPECT_EQ(clip("abcd", 4, plain), "abcd");
  EXPECT_EQ(columns(clip("\u00b1\u00b1\u00b1\u00b1\u00b1", 3, plain)), 3);
}

TEST(text, wrapped_lines_fit_and_keep_all_words) {
  std::string words = "one two three four averyveryverylongword five";
  for (int width = 1; width < 30; ++width) {
    std::string together;
    for (const std::string& line : wrap(words, width)) {
      EXPECT_LE(columns(line), width);
      for (char c : line)
        if (c != ' ') together += c;
    }
    EXPECT_EQ(together, "onetwothreefouraveryveryverylongwordfive");
  }
}

TEST(text, a_paragraph_hangs) { EXPECT_EQ(paragraph("aa bb cc", 8, "- ", "  "), "- aa bb\n  cc\n"); }

} // namespace
} // namespace versus
