#include "harness/terminal.h"

#include "harness/table.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace versus {
namespace {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (std::string value = setting(name); !value.empty())
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos ||
             value.find("UTF8") != std::string::npos;
  return false;
}

std::string clock_text(double seconds) {
  int whole = static_cast<int>(seconds);
  return std::to_string(whole / 60) + ":" + (whole % 60 < 10 ? "0" : "") + std::to_string(whole % 60);
}

int lines_in(std::string_view text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

} // namespace

output::output(int descriptor, interrupts& stop) : fd_(descriptor), stop_(stop) {
  terminal_ = isatty(fd_) == 1 && setting("TERM") != "dumb";
  colour_ = terminal_ && setting("NO_COLOR").empty();
  unicode_ = speaks_utf8();
}

void output::put(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(fd_, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      pollfd p{fd_, POLLOUT, 0};
      poll(&p, 1, 100);
    } else if (n < 0 && errno != EINTR) {
      stop_.stop();
      return;
    }
  }
}

int output::rows() const {
  winsize size{};
  return ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

view output::look() const {
  view v;
  v.colour = colour_;
  v.unicode = unicode_;
  winsize size{};
  if (std::string columns = setting("COLUMNS"); !terminal_ && !columns.empty())
    v.width = std::atoi(columns.c_str());
  else if (!terminal_)
    v.width = 120;
  else if (ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    v.width = size.ws_col;
  v.width = std::clamp(v.width, 30, 200);
  return v;
}

std::string render_banner(const std::string& machine_line, const std::vector<contestant>& all,
                          const view& v) {
  std::string out =
      paint("thrum versus Go, Node, Python and Java, on this machine", style::heading, v) + "\n";
  out += paragraph(machine_line, v.width, "  ", "  ");
  for (const contestant& c : all) {
    if (c.here()) {
      out += clip("  " + pad_right(c.title, 13) + pad_right(c.version + " ", 10) +
                      (c.id == "thrum" ? "" : c.program),
                  v.width, v) +
             "\n";
    } else {
      std::string text = "not here: " + c.why;
      if (!c.package.empty())
        text += "; sudo apt install " + c.package;
      else if (c.id == "java")
        text += "; any JDK 21 or newer under JAVA_HOME or /usr/lib/jvm will do";
      std::string lines = paragraph(text, v.width, "  " + pad_right(c.title, 13), std::string(15, ' '));
      lines.pop_back();
      out += paint(lines, style::bad, v) + "\n";
    }
  }
  return out;
}

std::string render_side_by_side(const std::string& source, const std::vector<std::string>& printed,
                                const view& v) {
  std::vector<std::string> left;
  int left_width = 0, right_width = 0;
  for (std::size_t at = 0; at < source.size();) {
    std::size_t end = std::min(source.find('\n', at), source.size());
    left.push_back(source.substr(at, end - at));
    left_width = std::max(left_width, columns(left.back()));
    at = end + 1;
  }
  for (const std::string& line : printed) right_width = std::max(right_width, columns(line));
  std::string out, bar = v.unicode ? " \u2502 " : " | ";
  if (2 + left_width + 3 + right_width > v.width) {
    for (const std::string& line : left) out += clip("  " + line, v.width, v) + "\n";
    out += "\n";
    for (const std::string& line : printed)
      out += clip("  " + paint(line, style::good, v), v.width + 9, v) + "\n";
    return out;
  }
  for (std::size_t i = 0; i < std::max(left.size(), printed.size()); ++i) {
    std::string line =
        "  " + pad_right(i < left.size() ? left[i] : "", left_width) + paint(bar, style::dim, v);
    if (i < printed.size()) line += paint(printed[i], style::good, v);
    out += line + "\n";
  }
  return out;
}

std::string render_progress(const progress& p, const view& v) {
  std::string head = "[" + std::to_string(std::min(p.done + 1, p.total)) + "/" + std::to_string(p.total) +
                     "  " + clock_text(p.elapsed);
  if (p.left >= 0) head += ", about " + clock_text(p.left) + " left";
  return clip(head + "]  " + (p.now != nullptr ? p.now->id + " " : "") + p.doing, v.width - 1, v);
}

void live_table::clear() {
  if (drawn_ > 0) out_.put("\x1b[" + std::to_string(drawn_) + "A\r\x1b[J");
  drawn_ = 0;
}

void live_table::draw() {
  if (!out_.is_terminal()) return;
  view v = out_.look();
  std::string text;
  if (tables_ && current_ != nullptr) {
    text = render_table(*current_, board_, v);
    if (lines_in(text) + 2 > out_.rows()) text.clear(); // it would scroll away: only the progress line, then
  }
  text += render_progress(progress_, v) + "\n";
  std::string erase = drawn_ > 0 ? "\x1b[" + std::to_string(drawn_) + "A\r\x1b[J" : "";
  out_.put(erase + text);
  drawn_ = lines_in(text);
  drawn_at_ = now_seconds();
}

void live_table::now(const progress& p) {
  progress_ = p;
  if (p.now != nullptr) current_ = p.now;
  draw();
}

void live_table::changed(const experiment& e) {
  current_ = &e;
  if (now_seconds() - drawn_at_ > 0.2)
    draw(); // lines come in bursts, and the next program is being measured soon
}

void live_table::ended(const experiment& e) {
  clear();
  current_ = nullptr;
  if (tables_) out_.put(render_table(e, board_, out_.look()) + "\n");
}

void live_table::round_over(const experiment& e, int run, double seconds) {
  if (out_.is_terminal() || !tables_) return;
  out_.put("  " + e.id + ": round " + std::to_string(run) + " took " + duration(seconds) + "\n");
}

} // namespace versus
