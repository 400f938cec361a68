// thrum-console: watches what a running program of thrum does.
#include "programs.h"
#include "terminal.h"
#include "watch.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thrum/io/standard.h>
#include <thrum/thrum.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::string_view help = R"(usage: thrum-console [OPTION] [PID | PATH]

Watches a program of thrum that was started with THRUM_CONSOLE=1, or with THRUM_CONSOLE=PATH: its processors, its fibers by what they do
and where they were spawned, and who holds others up. Without PID or PATH it lists those of this user; if there is just one, it watches that.

  --once      one picture, of two looks a second apart; so it is where standard output is no terminal
  --json      a line of JSON a second, as the program tells it; with --once a single one (docs/debugging.md has the names)
  --dump      what every fiber does, as kill -QUIT tells it
  --list      the list, also of a single program
  --help      this

Keys: p pauses, d shows the dump, q or Ctrl-C quits. NO_COLOR is respected.
Exit code: 0; 1 if there is nothing to watch, or it does not answer; 2 for wrong arguments.
)";

struct arguments {
  bool once = false;
  bool json = false;
  bool dump = false;
  bool list = false;
  std::string target; // "": none
};

int refuse(const std::string& sentence) {
  std::fprintf(stderr, "thrum-console: %s; thrum-console --help says what there is\n", sentence.c_str());
  return 2;
}

// Where the one that was named listens. Nothing: `exit_code` is said, and why.
std::optional<std::string> path_of(const arguments& a, int& exit_code) {
  if (a.target.contains('/')) return a.target;
  std::int64_t pid = 0;
  const char* end = a.target.data() + a.target.size();
  if (const auto [at, error] = std::from_chars(a.target.data(), end, pid);
      error != std::errc() || at != end || pid <= 0) {
    exit_code = refuse("'" + a.target + "' is neither the number of a process nor a path with a / in it");
    return std::nullopt;
  }
  for (const console::program& p : console::find_programs())
    if (p.pid == pid) return p.path;
  exit_code = console::fail(
      "process " + a.target +
      " cannot be watched: it is not there, is another user's, or was not started with THRUM_CONSOLE=1");
  return std::nullopt;
}

std::optional<std::string> only_program(const arguments& a, int& exit_code) {
  const std::vector<console::program> all = console::find_programs();
  if (all.empty()) {
    exit_code = console::fail("no program of yours can be watched: start one with THRUM_CONSOLE=1");
    return std::nullopt;
  }
  if (all.size() == 1 && !a.list) return all.front().path;
  const unsigned width =
      console::is_terminal(STDOUT_FILENO) ? console::size_of_screen(STDOUT_FILENO).width : 0;
  const bool written =
      thrum::io::out().write_all(console::draw_list(console::ask_all(all), width)).has_value();
  exit_code = written ? 0 : 1;
  if (a.once || a.json || a.dump)
    exit_code = console::fail("there are several programs: say which, thrum-console PID");
  return std::nullopt;
}

int run(const arguments& a) {
  int exit_code = 0;
  const std::optional<std::string> path =
      a.target.empty() ? only_program(a, exit_code) : path_of(a, exit_code);
  if (!path) return exit_code;
  const bool on_terminal = console::is_terminal(STDOUT_FILENO);
  const char* no_colour = std::getenv("NO_COLOR");
  const console::watching w{.path = *path,
                            .colours = on_terminal && (no_colour == nullptr || *no_colour == '\0')};
  if (a.dump) return console::show_dump(w);
  if (a.json) return console::show_json(w, a.once);
  return a.once || !on_terminal ? console::show_once(w) : console::watch(w);
}

} // namespace

int main(int argc, char** argv) {
  arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fwrite(help.data(), 1, help.size(), stdout);
      return 0;
    }
    if (word == "--once")
      a.once = true;
    else if (word == "--json")
      a.json = true;
    else if (word == "--dump")
      a.dump = true;
    else if (word == "--list")
      a.list = true;
    else if (word.starts_with("-"))
      return refuse("there is no option " + std::string(word));
    else if (word.empty() || !a.target.empty())
      return refuse("one program at a time can be watched");
    else
      a.target = word;
  }
  if (a.json && a.dump) return refuse("--json and --dump are two things");
  if (a.list && (!a.target.empty() || a.once || a.json || a.dump))
    return refuse("--list goes with nothing else");
  ::unsetenv("THRUM_CONSOLE"); // nobody wants to watch us
  try {
    return thrum::run([&] { return run(a); }, {.processors = 1, .name = "thrum-console"});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "thrum-console: %s\n", e.what());
    return 1;
  }
}
