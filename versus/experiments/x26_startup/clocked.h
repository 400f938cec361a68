// clocked: what the C++ programs of X26 share: they hand their place over to the program that measures them (load.cc).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <unistd.h>

// "empty" or "idle" in a program that is measured, else nothing.
inline std::string_view to_be() {
  const char* what = std::getenv("X26");
  return what != nullptr ? what : "";
}

inline void say_done(int tasks) {
  std::printf("done %d\n", tasks);
  std::fflush(stdout);
}

// Only returns if it fails.
inline int be_measured(const char* runtime, int argc, char** argv) {
  static char separator[] = "--", self[] = "/proc/self/exe";
  char path[4096] = {};
  if (readlink(self, path, sizeof path - 1) < 0) return 1;
  const char* clock = std::getenv("VERSUS_LOAD");
  if (clock == nullptr) return 1;
  std::vector<char*> words = {const_cast<char*>(clock), const_cast<char*>(runtime)};
  words.insert(words.end(), argv + 1, argv + argc);
  words.insert(words.end(), {separator, path, nullptr});
  execv(clock, words.data());
  return 1;
}
