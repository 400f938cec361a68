// The terminal that we draw on: its size, and a screen of its own while we watch.
#pragma once

#include <termios.h>

namespace console {

struct screen_size {
  unsigned width = 80;
  unsigned height = 24;
};
bool is_terminal(int fd) noexcept;
screen_size size_of_screen(int fd) noexcept;

// While it lives, keys come one by one, and standard output shows another screen; afterwards all is as before.
class whole_screen {
public:
  whole_screen();
  ~whole_screen();
  whole_screen(const whole_screen&) = delete;
  whole_screen& operator=(const whole_screen&) = delete;

private:
  termios before_{};
  bool has_keys_ = false;
};

} // namespace console
