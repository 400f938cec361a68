// What is drawn: from one look at a program, or two, so that there are rates. Pure functions of what they are given: the tests draw
// without a terminal.
#pragma once

#include "snapshot.h"

#include <span>
#include <string>
#include <string_view>

namespace console {

struct frame {
  unsigned width = 0;  // columns; 0: no line is cut
  unsigned height = 0; // lines; 0: as many as it takes
  bool colours = false;
  std::string_view footer{}; // the last line
};

// Lines, each with its end. `before`: an earlier look at the same program; null: there is none.
std::string draw(const snapshot& now, const snapshot* before, const frame& f);

// A part of a long text, from the line `first` on, in the height of the frame, with its footer.
std::string draw_page(std::string_view text, std::size_t first, const frame& f);
std::size_t lines_of(std::string_view text) noexcept;

// One row for each program that can be watched.
struct program_row {
  std::int64_t pid = 0;
  nanoseconds up = 0;
  count fibers = 0;
  std::string command; // "": it does not answer, and `trouble` says why
  std::string trouble;
};
std::string draw_list(std::span<const program_row> programs, unsigned width);

// ---- words
std::string grouped(count n);            // "1,234,567"
std::string duration(nanoseconds time);  // "3 ms", "1.4 s", "2 min 3 s"
std::string printable(std::string_view); // without control characters, which a terminal would obey
std::string cut(std::string_view text, unsigned width); // to so many columns, "…" at the end; 0: all of it

} // namespace console
