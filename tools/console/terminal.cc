#include "terminal.h"

#include <thrum/io/standard.h>

#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace console {

namespace {

constexpr std::string_view other_screen = "\033[?1049h\033[?25l"; // and no cursor
constexpr std::string_view first_screen = "\033[?25h\033[?1049l";

} // namespace

bool is_terminal(int fd) noexcept { return ::isatty(fd) == 1; }

screen_size size_of_screen(int fd) noexcept {
  winsize w{};
  if (::ioctl(fd, TIOCGWINSZ, &w) != 0 || w.ws_col == 0 || w.ws_row < 2) return {};
  return {w.ws_col, w.ws_row};
}

whole_screen::whole_screen() {
  if (is_terminal(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO); // Ctrl-C stays a signal
    has_keys_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &keys) == 0;
  }
  static_cast<void>(thrum::io::out().write_all(other_screen));
}

whole_screen::~whole_screen() {
  // At once, whatever is on its way: nobody may ask us to stop here.
  static_cast<void>(!::write(STDOUT_FILENO, first_screen.data(), first_screen.size()));
  if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

} // namespace console
