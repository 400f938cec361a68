#include "picture.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace console {

namespace {

constexpr std::size_t most_bars = 16;

enum class colour { plain, bold, dim, red, yellow, green };

const char* code_of(colour c) noexcept {
  switch (c) {
  case colour::plain: break;
  case colour::bold: return "\033[1m";
  case colour::dim: return "\033[2m";
  case colour::red: return "\033[31m";
  case colour::yellow: return "\033[33m";
  case colour::green: return "\033[32m";
  }
  return "";
}

std::size_t columns_of(std::string_view text) noexcept { // each character takes one
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string left(std::string text, std::size_t width) {
  const std::size_t n = columns_of(text);
  return n < width ? text + std::string(width - n, ' ') : text;
}
std::string right(const std::string& text, std::size_t width) {
  const std::size_t n = columns_of(text);
  return n < width ? std::string(width - n, ' ') + text : text;
}

std::string_view last_part(std::string_view path) noexcept {
  return path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
}

std::string place_in_words(const place& at) {
  if (at.file.empty()) return "";
  std::string text = printable(last_part(at.file)) + ":" + std::to_string(at.line);
  if (!at.function.empty()) text += " in " + printable(at.function);
  return text;
}

std::string name_in_words(const group_row& g) {
  return g.name.empty() ? "" : printable(g.name) + (g.names_differ ? ", ..." : "");
}

std::string state_in_words(const group_row& g) {
  return g.longest == 0 ? printable(g.state) : printable(g.state) + " " + duration(g.longest);
}

colour colour_of(const group_row& g) noexcept {
  return g.state == "computes"  ? colour::red
         : g.state == "blocked" ? colour::yellow
         : g.state == "runs"    ? colour::green
                                : colour::plain;
}

std::string bar(const runtime_row& r) {
  const std::size_t cells = std::min<std::size_t>(r.processors, most_bars);
  const count busy = r.processors - r.idle;
  // A busy one is seen, and so is an idle one.
  std::size_t full =
      r.processors == 0 ? 0 : static_cast<std::size_t>((busy * cells + r.processors / 2) / r.processors);
  if (busy != 0) full = std::max<std::size_t>(full, 1);
  if (r.idle != 0 && full == cells) --full;
  std::string text;
  for (std::size_t i = 0; i < cells; ++i) text += i < full ? "█" : "·";
  return text;
}

class picture {
public:
  picture(const snapshot& now, const snapshot* before, const frame& f)
      : now_(now), before_(before != nullptr && before->now < now.now ? before : nullptr), frame_(f) {}

  std::string draw() {
    line(printable(now_.command.empty() ? "a program" : now_.command) + "  process " +
             std::to_string(now_.pid) + ", up " + duration(now_.up),
         colour::bold);
    for (const runtime_row& r : now_.runtimes) runtime(r);
    const std::vector<std::string> ends = holdups_and_pools();
    groups(ends.size());
    lines_.insert(lines_.end(), ends.begin(), ends.end());
    std::size_t most = lines_.size();
    if (frame_.height != 0)
      most = std::min<std::size_t>(most, frame_.height - (frame_.footer.empty() ? 0 : 1));
    std::string text;
    for (std::size_t i = 0; i < most; ++i) text += lines_[i] + "\n";
    if (frame_.footer.empty()) return text;
    for (std::size_t i = most; frame_.height != 0 && i + 1 < frame_.height; ++i) text += "\n";
    return text + coloured(cut(frame_.footer, frame_.width), colour::dim) + "\n";
  }

private:
  std::string coloured(std::string text, colour c) const {
    return !frame_.colours || c == colour::plain ? text : code_of(c) + text + "\033[0m";
  }
  void line(const std::string& text, colour c = colour::plain) {
    std::string shown = cut(text, frame_.width);
    while (shown.ends_with(' ')) shown.pop_back();
    lines_.push_back(coloured(std::move(shown), c));
  }

  const runtime_row* earlier(const runtime_row& r) const noexcept {
    if (before_ != nullptr)
      for (const runtime_row& b : before_->runtimes)
        if (b.name == r.name && b.spawned <= r.spawned) return &b; // else another one of that name
    return nullptr;
  }

  std::string rate(count difference) const {
    const auto time = static_cast<double>(now_.now - before_->now) / 1e9;
    const double each = static_cast<double>(difference) / time;
    if (each > 0 && each < 9.95) { // to a tenth
      const auto n = static_cast<count>(each * 10 + 0.5);
      return std::to_string(n / 10) + (n % 10 != 0 ? "." + std::to_string(n % 10) : "") + "/s";
    }
    return grouped(static_cast<count>(each + 0.5)) + "/s";
  }

  void runtime(const runtime_row& r) {
    const count busy = r.processors - r.idle;
    std::string text = "runtime '" + printable(r.name) + "'  " + bar(r) + "  " + grouped(busy) + " of " +
                       grouped(r.processors) + " processors busy, " + grouped(r.threads) + " threads";
    if (r.detached != 0) text += ", " + grouped(r.detached) + " of them detached";
    line(text);
    const runtime_row* b = earlier(r);
    text = "  fibers " + grouped(r.spawned - r.finished);
    if (b == nullptr) {
      line(text + "   started " + grouped(r.spawned) + " and ended " + grouped(r.finished) + " in all");
    } else {
      line(text + "   started " + rate(r.spawned - b->spawned) + "   ended " +
           rate(r.finished - std::min(b->finished, r.finished)) + "   polls " +
           rate(static_cast<std::uint32_t>(r.polls - b->polls)));
    }
    if (r.taken_from_computing + r.taken_from_blocked == 0) return;
    if (b == nullptr)
      line("  processors taken from fibers that compute " + grouped(r.taken_from_computing) +
           ", that block " + grouped(r.taken_from_blocked) + ", in all");
    else
      line("  processors taken from fibers that compute " +
           rate(r.taken_from_computing - b->taken_from_computing) + ", that block " +
           rate(r.taken_from_blocked - b->taken_from_blocked));
  }

  // `below`: lines that follow.
  void groups(std::size_t below) {
    if (now_.groups.empty()) return;
    std::size_t room = now_.groups.size();
    if (frame_.height != 0) {
      const std::size_t taken =
          lines_.size() + 2 + below + (frame_.footer.empty() ? 0 : 1); // a gap, the head
      room = frame_.height > taken ? frame_.height - taken : 0;
    }
    std::size_t shown = std::min(room, now_.groups.size());
    const bool rest = shown < now_.groups.size() || now_.groups_left_out != 0 || !now_.all_seen;
    if (rest && frame_.height != 0 && shown == room && shown != 0) --shown; // for the line that says so

    std::array<std::size_t, 3> widths{6, 5, 4};
    for (std::size_t i = 0; i < shown; ++i) {
      const group_row& g = now_.groups[i];
      widths[0] = std::max(widths[0], columns_of(grouped(g.fibers)));
      widths[1] = std::max(widths[1], columns_of(state_in_words(g)));
      widths[2] = std::max(widths[2], std::min<std::size_t>(columns_of(name_in_words(g)), 24));
    }
    lines_.emplace_back();
    line("  " + right("FIBERS", widths[0]) + "  " + left("STATE", widths[1]) + "  " +
             left("NAME", widths[2]) + "  SPAWNED AT",
         colour::dim);
    for (std::size_t i = 0; i < shown; ++i) {
      const group_row& g = now_.groups[i];
      line("  " + right(grouped(g.fibers), widths[0]) + "  " + left(state_in_words(g), widths[1]) + "  " +
               left(cut(name_in_words(g), 24), widths[2]) + "  " + place_in_words(g.at),
           colour_of(g));
    }
    if (rest) left_out(shown);
  }

  void left_out(std::size_t shown) {
    count fibers = now_.fibers_left_out;
    for (std::size_t i = shown; i < now_.groups.size(); ++i) fibers += now_.groups[i].fibers;
    const count groups = now_.groups_left_out + now_.groups.size() - shown;
    std::string text;
    if (groups != 0) text = "and " + grouped(groups) + " more groups, " + grouped(fibers) + " fibers";
    if (!now_.all_seen)
      text +=
          (text.empty() ? "" : "; ") + std::string("only ") + grouped(now_.seen) + " fibers were looked at";
    line("  " + text, colour::dim);
  }

  // Two tables below the fibers. They leave most of the picture to those: a table has room for at least one row, or is not there.
  std::vector<std::string> holdups_and_pools() {
    std::vector<const holdup_row*> holdups;
    for (const runtime_row& r : now_.runtimes)
      for (const holdup_row& h : r.holdups) holdups.push_back(&h);
    constexpr std::size_t head = 2; // and a gap
    std::size_t room = SIZE_MAX;
    if (frame_.height != 0) {
      const std::size_t all = frame_.height - std::min<std::size_t>(frame_.height, lines_.size() + 1);
      room = std::max(all * 2 / 5, all - std::min(all, head + now_.groups.size()));
    }
    std::size_t for_pools =
        now_.pools.empty() || room == SIZE_MAX ? 0 : std::min(head + now_.pools.size(), room / 2);
    if (for_pools <= head) for_pools = 0;

    std::vector<std::string> kept = std::exchange(lines_, {});
    const auto rows_in = [&](std::size_t lines, std::size_t rows) {
      return lines <= head ? 0 : std::min(rows, lines - head);
    };
    holdup_table({holdups.data(), rows_in(room - for_pools, holdups.size())});
    pool_table({now_.pools.data(), rows_in(room - lines_.size(), now_.pools.size())});
    return std::exchange(lines_, std::move(kept));
  }

  void holdup_table(std::span<const holdup_row* const> rows) {
    if (rows.empty()) return;
    const auto times = [](count n, nanoseconds time) {
      return n == 0 ? std::string("-") : grouped(n) + " x, " + duration(time);
    };
    lines_.emplace_back();
    line("  " + left("COMPUTED LONG", 18) + "  " + left("BLOCKED LONG", 18) + "  SPAWNED AT", colour::dim);
    for (const holdup_row* h : rows)
      line("  " + left(times(h->computed, h->computing), 18) + "  " +
           left(times(h->blocked, h->blocking), 18) + "  " +
           (h->at.file.empty() ? "many places" : place_in_words(h->at)));
  }

  void pool_table(std::span<const pool_row> rows) {
    if (rows.empty()) return;
    lines_.emplace_back();
    line("  " + left("BLOCKING POOL", 18) + "  " + left("RUNNING", 10) + "  " + left("WAITING", 8) +
             "  CALLS",
         colour::dim);
    for (const pool_row& p : rows)
      line("  " + left(cut(printable(p.name), 18), 18) + "  " +
           left(grouped(p.running) + (p.limit == 0 ? "" : " of " + grouped(p.limit)), 10) + "  " +
           left(grouped(p.waiting), 8) + "  " + grouped(p.calls));
  }

  const snapshot& now_;
  const snapshot* const before_;
  const frame& frame_;
  std::vector<std::string> lines_;
};

} // namespace

std::string draw(const snapshot& now, const snapshot* before, const frame& f) {
  return picture(now, before, f).draw();
}

std::size_t lines_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
         (text.empty() || text.ends_with('\n') ? 0 : 1);
}

std::string draw_page(std::string_view text, std::size_t first, const frame& f) {
  std::string page;
  std::size_t shown = 0;
  for (std::size_t i = 0; !text.empty(); ++i) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const bool fits = f.height == 0 || shown + 1 < f.height;
    if (i >= first && fits) {
      page += cut(printable(text.substr(0, end)), f.width) + "\n";
      ++shown;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  for (; f.height != 0 && shown + 1 < f.height; ++shown) page += "\n";
  if (!f.footer.empty()) page += cut(f.footer, f.width) + "\n";
  return page;
}

std::string draw_list(std::span<const program_row> programs, unsigned width) {
  std::size_t widths[3] = {3, 2, 6};
  for (const program_row& p : programs) {
    widths[0] = std::max(widths[0], std::to_string(p.pid).size());
    widths[1] = std::max(widths[1], p.trouble.empty() ? duration(p.up).size() : 1);
    widths[2] = std::max(widths[2], p.trouble.empty() ? grouped(p.fibers).size() : 1);
  }
  std::string text = cut(right("PID", widths[0]) + "  " + right("UP", widths[1]) + "  " +
                             right("FIBERS", widths[2]) + "  COMMAND",
                         width) +
                     "\n";
  for (const program_row& p : programs) {
    const bool known = p.trouble.empty();
    text +=
        cut(right(std::to_string(p.pid), widths[0]) + "  " + right(known ? duration(p.up) : "-", widths[1]) +
                "  " + right(known ? grouped(p.fibers) : "-", widths[2]) + "  " +
                printable(known ? p.command : p.trouble),
            width) +
        "\n";
  }
  return text;
}

} // namespace console
