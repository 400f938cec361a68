// Watches a program: again and again, or once.
#pragma once

#include <string>

namespace console {

struct watching {
  std::string path; // where it listens
  bool colours = false;
};

// Each returns the exit code, and has said on standard error what is wrong.
int watch(const watching& w);     // on a terminal, until somebody has seen enough, or the program ends
int show_once(const watching& w); // one picture, of two looks
int show_json(const watching& w, bool once); // a line a second
int show_dump(const watching& w);

int fail(const std::string& sentence); // 1

} // namespace console
