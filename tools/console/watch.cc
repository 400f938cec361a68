#include "watch.h"

#include "programs.h"
#include "terminal.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <thrum/io/ready.h>
#include <thrum/io/standard.h>
#include <thrum/signals.h>
#include <thrum/thrum.h>

#include <unistd.h>

namespace console {

using namespace std::chrono_literals;

namespace {

using answer = std::expected<snapshot, trouble>;
using text_answer = std::expected<std::string, trouble>;
constexpr auto gap = 1s;
constexpr auto time_to_dump = 60s;

bool write(std::string_view text) { return thrum::io::out().write_all(text).has_value(); }

int fail(const std::string& path, const trouble& t) {
  return console::fail(t.gone ? "no program listens at " + path +
                                    "; it has ended, or was not started with THRUM_CONSOLE"
                              : t.why);
}

// What is on the screen, and what keys do.
class viewer {
public:
  explicit viewer(const watching& w) : w_(w), limits_(size_of_screen(STDOUT_FILENO)) {}

  int run() {
    {
      const thrum::signal_source signals({SIGINT, SIGTERM, SIGHUP, SIGWINCH});
      const whole_screen screen;
      const thrum::chan<answer> answers;
      const thrum::chan<char> keys;
      const thrum::chan<text_answer> dumps;
      thrum::task_group<> helpers({.name = "helpers"}); // it asks them to stop when we are done
      ask_for_dump_ = [&] {
        helpers.spawn({.name = "dumper"}, [&] { dumps.send(ask(w_.path, "dump", time_to_dump)); });
      };
      helpers.spawn({.name = "looker"}, [&] {
        for (;; thrum::this_fiber::sleep_for(gap)) answers.send(look_at(w_.path));
      });
      helpers.spawn({.name = "keys"}, [&] {
        char key[1];
        while (thrum::io::in().read_some(key).value_or(0) == 1) keys.send(key[0]);
      });
      draw_all();
      while (!done_) {
        std::optional<answer> a;
        std::optional<char> key;
        std::optional<text_answer> text;
        switch (thrum::select(thrum::recv(answers, a), thrum::recv(keys, key), thrum::recv(dumps, text),
                              thrum::readable(signals))) {
        case 0: take(std::move(*a)); break;
        case 1: press(*key); break;
        case 2: take_dump(std::move(*text)); break;
        case 3:
          while (const auto number = signals.wait(0s)) take_signal(*number);
          break;
        }
        if (!done_) draw_all();
      }
    }
    return leave();
  }

private:
  void take(answer a) {
    if (!a) {
      trouble_ = a.error();
      done_ |= trouble_->gone;
      return;
    }
    trouble_.reset();
    if (paused_) return;
    before_ = std::exchange(now_, std::move(*a));
  }

  void take_dump(text_answer text) {
    asks_ = false;
    if (text) {
      dump_ = std::move(*text);
      first_line_ = 0;
    } else {
      trouble_ = text.error();
      done_ |= trouble_->gone;
    }
  }

  void take_signal(int number) {
    if (number == SIGWINCH)
      limits_ = size_of_screen(STDOUT_FILENO);
    else
      done_ = true;
  }

  void press(char key) {
    if (key == 3 || (key == 'q' && !dump_)) { // Ctrl-C, where the terminal makes no signal of it
      done_ = true;
    } else if (dump_) {
      first_line_ += limits_.height > 1 ? limits_.height - 1 : 1;
      if (key != ' ' || first_line_ >= lines_of(*dump_)) dump_.reset();
    } else if (key == 'p') {
      paused_ = !paused_;
    } else if (key == 'd') {
      if (!std::exchange(asks_, true)) ask_for_dump_();
    }
  }

  std::string footer() const {
    if (asks_) return "asking for the dump ...";
    if (trouble_) return trouble_->why + "; q quits";
    return std::string(paused_ ? "PAUSED; p goes on" : "p pauses") + ", d shows the dump, q quits";
  }

  void draw_all() {
    const std::string last = dump_ ? "the dump; space goes on, any other key returns" : footer();
    const frame f{limits_.width, limits_.height, w_.colours, last};
    std::string text = dump_  ? draw_page(*dump_, first_line_, f)
                       : now_ ? draw(*now_, before_ ? &*before_ : nullptr, f)
                              : "asking ...\n";
    const bool is_whole = lines_of(text) >= limits_.height;
    if (text.ends_with('\n')) text.pop_back(); // or the screen moves up
    // A line is emptied before it is written: behind a full one the cursor still stands on its last column.
    std::string screen = "\033[H\033[K";
    for (const char c : text) screen += c == '\n' ? std::string("\n\033[K") : std::string(1, c);
    if (!is_whole) screen += "\033[J";
    if (!write(screen)) done_ = true;
  }

  // What is to be seen afterwards, on the screen that was there before.
  int leave() {
    if (!trouble_ || !trouble_->gone) return 0;
    if (!now_) return fail(w_.path, *trouble_);
    const frame f{.width = limits_.width, .height = limits_.height - 1, .colours = w_.colours};
    write(draw(*now_, before_ ? &*before_ : nullptr, f) + "process " + std::to_string(now_->pid) +
          " has ended\n");
    return 0;
  }

  const watching& w_;
  screen_size limits_;
  std::optional<snapshot> now_, before_;
  std::optional<trouble> trouble_; // with the last look
  std::optional<std::string> dump_;
  std::size_t first_line_ = 0;         // of it
  std::function<void()> ask_for_dump_; // may be called while run() is at it
  bool asks_ = false;                  // and has no answer yet
  bool paused_ = false;
  bool done_ = false;
};

} // namespace

int fail(const std::string& sentence) {
  static_cast<void>(thrum::io::err().write_all("thrum-console: " + sentence + "\n"));
  return 1;
}

int watch(const watching& w) { return viewer(w).run(); }

int show_once(const watching& w) {
  const answer first = look_at(w.path);
  if (!first) return fail(w.path, first.error());
  thrum::this_fiber::sleep_for(gap);
  const answer second = look_at(w.path);
  if (!second && !second.error().gone) return fail(w.path, second.error());
  frame f{.colours = w.colours};
  if (is_terminal(STDOUT_FILENO)) f.width = size_of_screen(STDOUT_FILENO).width;
  if (second) return write(draw(*second, &*first, f)) ? 0 : 1;
  return write(draw(*first, nullptr, f) + "process " + std::to_string(first->pid) + " has ended\n") ? 0 : 1;
}

int show_json(const watching& w, bool once) {
  for (bool is_first = true;; is_first = false) {
    const auto line = ask(w.path, "look", time_to_dump);
    if (!line) return line.error().gone && !is_first ? 0 : fail(w.path, line.error());
    if (!write(*line)) return 1;
    if (once) return 0;
    thrum::this_fiber::sleep_for(gap);
  }
}

int show_dump(const watching& w) {
  const auto text = ask(w.path, "dump", time_to_dump);
  if (!text) return fail(w.path, text.error());
  return write(*text) ? 0 : 1;
}

} // namespace console
