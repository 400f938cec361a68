// text: lay out words on a terminal: width in columns, padding, wrapping, colour.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace versus {

// What the terminal can do. Everything that prints takes one, so that tests can ask for any of them.
struct view {
  int width = 100;
  bool colour = false;
  bool unicode = false;
};

enum class style { plain, bold, dim, good, bad, heading };

// Columns that the text takes: code points, since nothing here prints wide or combining characters.
// Escape sequences of colours take none.
int columns(std::string_view text);

std::string paint(std::string_view text, style how, const view& v);

std::string pad_left(std::string_view text, int width);  // spaces before
std::string pad_right(std::string_view text, int width); // spaces after
std::string clip(std::string_view text, int width, const view& v);

// Lines of at most `width` columns, broken at spaces; a longer word is cut.
std::vector<std::string> wrap(std::string_view text, int width);

// Each line of the wrapped text behind `first` and then behind `rest`.
std::string paragraph(std::string_view text, int width, std::string_view first, std::string_view rest);

} // namespace versus
