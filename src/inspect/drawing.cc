// A timeline for the terminal: a line for each processor, and for each thread on which fibers ran without one.
#include "env/environment.h"
#include "inspect/timeline.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace thrum::trace {

namespace {

bool locale_is_utf8() noexcept {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = env::variable(variable);
    if (value == nullptr || *value == '\0') continue; // the next one counts
    const std::string_view name = value;
    for (const char* word : {"UTF-8", "utf8", "UTF8", "utf-8"})
      if (name.find(word) != name.npos) return true;
    return false;
  }
  return false;
}

std::string in_words(time t) {
  const auto ns = static_cast<std::uint64_t>(t.count());
  const auto with_a_digit = [](std::uint64_t tenths, const char* unit) {
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + unit;
  };
  if (ns >= 10'000'000'000) return with_a_digit(ns / 100'000'000, " s");
  if (ns >= 1'000'000) return with_a_digit(ns / 100'000, " ms");
  if (ns >= 1'000) return with_a_digit(ns / 100, " us");
  return std::to_string(ns) + " ns";
}

std::string padded(std::string text, std::size_t width, bool left) {
  const std::size_t missing = width > text.size() ? width - text.size() : 0;
  return left ? text + std::string(missing, ' ') : std::string(missing, ' ') + text;
}

struct share {
  std::uint64_t fiber = 0;
  time ran{0};
  std::size_t slices = 0;
  unsigned letter = 26; // 'A' + that; 26: none
};

class painter {
public:
  painter(const timeline& t, const drawing& how)
      : t_(t),
        columns_(std::clamp(how.columns, 1u, 10'000u)),
        from_(std::clamp(how.from, time(0), t.length)),
        to_(std::max(std::clamp(how.to, from_, std::max(from_, t.length)), from_ + time(1))), // never empty
        utf8_(how.characters == drawing::charset::utf8 ||
              (how.characters == drawing::charset::by_locale && locale_is_utf8())) {}

  std::string paint() {
    sum_up();
    std::vector<unsigned> rows;
    std::size_t width = 0;
    for (unsigned track = 0; track < t_.tracks.size(); ++track) {
      if (!ran_on(track)) continue;
      rows.push_back(track);
      width = std::max(width, name_of(t_.tracks[track]).size());
    }
    std::string out = in_words(to_ - from_) + ", a column is " + in_words((to_ - from_) / columns_);
    if (t_.lost != 0) out += "; then " + std::to_string(t_.lost) + " events were lost";
    out += "\n";
    for (const unsigned row : rows) out += line(row, width);
    legend(out);
    return out;
  }

private:
  // Processors always: that one is idle is to be seen.
  bool ran_on(unsigned track) const {
    if (t_.tracks[track].what == track::kind::processor) return true;
    return std::any_of(t_.slices.begin(), t_.slices.end(),
                       [&](const slice& s) { return s.track == track && s.begin < to_ && s.end > from_; });
  }

  std::string name_of(const track& t) const {
    const bool many =
        std::any_of(t_.tracks.begin(), t_.tracks.end(), [](const track& o) { return o.group != 0; });
    const std::string of = many && t.what != track::kind::thread
                               ? t.runtime + " " + std::to_string(t.group) + ", "
                               : std::string();
    return of + (t.what == track::kind::processor ? "processor " : "thread ") + std::to_string(t.number);
  }

  time inside(const slice& s, time begin, time end) const noexcept {
    return std::max(time(0), std::min(s.end, end) - std::max(s.begin, begin));
  }

  void sum_up() {
    std::unordered_map<std::uint64_t, std::size_t> place;
    for (const slice& s : t_.slices) {
      if (s.begin >= to_ || s.end <= from_) continue;
      const auto [at, is_new] = place.try_emplace(s.fiber, shares_.size());
      if (is_new) shares_.push_back({.fiber = s.fiber});
      share& f = shares_[at->second];
      f.ran += inside(s, from_, to_);
      ++f.slices;
    }
    // Letters for those that ran longest, in the order in which they came.
    std::vector<std::size_t> longest(shares_.size());
    for (std::size_t i = 0; i < longest.size(); ++i) longest[i] = i;
    std::sort(longest.begin(), longest.end(), [&](std::size_t a, std::size_t b) {
      return shares_[a].ran != shares_[b].ran ? shares_[a].ran > shares_[b].ran : a < b;
    });
    if (longest.size() > 26) longest.resize(26);
    std::sort(longest.begin(), longest.end());
    for (unsigned i = 0; i < longest.size(); ++i) shares_[longest[i]].letter = i;
    for (const share& f : shares_) letters_[f.fiber] = f.letter;
  }

  std::string line(unsigned row, std::size_t width) const {
    const double step = static_cast<double>((to_ - from_).count()) / columns_;
    const auto edge = [&](unsigned column) { return from_ + time(static_cast<std::int64_t>(step * column)); };
    std::vector<std::unordered_map<std::uint64_t, time>> cells(columns_);
    time busy(0);
    for (const slice& s : t_.slices) {
      if (s.track != row || s.begin >= to_ || s.end <= from_) continue;
      busy += inside(s, from_, to_);
      auto column =
          static_cast<unsigned>(static_cast<double>((std::max(s.begin, from_) - from_).count()) / step);
      if (column > 0) --column; // rounding
      for (; column < columns_ && edge(column) < s.end; ++column)
        if (const time part = inside(s, edge(column), edge(column + 1)); part.count() > 0)
          cells[column][s.fiber] += part;
    }
    std::string out = "  " + padded(name_of(t_.tracks[row]), width, true) + (utf8_ ? " │" : " |");
    for (unsigned column = 0; column < columns_; ++column)
      out += cell(cells[column], edge(column + 1) - edge(column));
    const auto all = (to_ - from_).count();
    const auto percent = (100 * busy.count() + all / 2) / all;
    return out + (utf8_ ? "│" : "|") + padded(std::to_string(percent), 4, false) + " %\n";
  }

  std::string cell(const std::unordered_map<std::uint64_t, time>& ran, time all) const {
    std::uint64_t most = 0;
    for (const auto& [fiber, part] : ran)
      if (most == 0 || part > ran.at(most) || (part == ran.at(most) && fiber < most)) most = fiber;
    if (most == 0) return utf8_ ? "·" : ".";
    const unsigned letter = letters_.at(most);
    if (letter == 26) return "#";
    return std::string(1, static_cast<char>((2 * ran.at(most) >= all ? 'A' : 'a') + letter));
  }

  void legend(std::string& out) const {
    std::size_t others = 0;
    time ran(0);
    std::size_t width = 0;
    for (const share& f : shares_)
      if (f.letter != 26) width = std::max(width, inspect::label_of(t_, f.fiber).size());
    for (const share& f : shares_) {
      if (f.letter == 26) {
        ++others;
        ran += f.ran;
        continue;
      }
      out += "  ";
      out += static_cast<char>('A' + f.letter);
      out += "  " + padded(inspect::label_of(t_, f.fiber), width, true) + "  ran " + in_words(f.ran) +
             " in " + std::to_string(f.slices) + (f.slices == 1 ? " piece" : " pieces") + ", fiber #" +
             std::to_string(f.fiber) + "\n";
    }
    if (others != 0)
      out += "  #  " + std::to_string(others) + (others == 1 ? " other" : " others") + "  ran " +
             in_words(ran) + "\n";
  }

  const timeline& t_;
  unsigned columns_;
  time from_;
  time to_;
  bool utf8_;
  std::vector<share> shares_; // in the order in which they came
  std::unordered_map<std::uint64_t, unsigned> letters_;
};

} // namespace

std::string draw(const timeline& t, const drawing& how) { return painter(t, how).paint(); }

} // namespace thrum::trace
