// X25, for the C++ programs: runs a tree before and after, and asks the program that counts (load.cc) how the sources differ.
// And the C library's qsort, with a comparator that sleeps in the way of the runtime under test.
#pragma once

#include "kit/kit.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace x25 {

// Both trees are functions of a number; `after_source` is the file that has the second.
template <class Before, class After>
void compare(const kit::bench& b, const char* variant, const char* after_source, Before before, After after) {
  if (!b.wants(variant)) return;
  constexpr long leaves = 32;
  const long old_answer = before(1L);
  const double start = kit::wall_ns();
  const long new_answer = after(1L);
  const bool waited =
      kit::wall_ns() - start >= leaves * 1e6; // each leaf for a millisecond, one after the other
  const char* counter = std::getenv("VERSUS_LOAD");
  const char* folder = std::getenv("VERSUS_EXPERIMENT");
  if (counter == nullptr || folder == nullptr) std::exit(1);
  const std::string sources = folder;
  const std::string command = "'" + std::string(counter) + "' '" + sources + "/before/tree.h' '" + sources +
                              "/after/" + after_source + "'";
  int signatures = 0, lines = 0;
  FILE* said = popen(command.c_str(), "r");
  if (said == nullptr || std::fscanf(said, "%d %d", &signatures, &lines) != 2) std::exit(1);
  pclose(said);
  b.emit(variant, leaves, "signatures", signatures, "functions");
  b.emit(variant, leaves, "lines", lines, "lines");
  b.emit(variant, leaves, "check", waited ? static_cast<double>(old_answer + new_answer) : 0, "count");
}

constexpr int numbers = 8;

// True when qsort, called with the comparator, put eight numbers in order.
inline bool sorts(int (*comparator)(const void*, const void*)) {
  int n[numbers] = {5, 3, 8, 1, 7, 2, 6, 4};
  std::qsort(n, numbers, sizeof(int), comparator);
  for (int i = 0; i < numbers; ++i)
    if (n[i] != i + 1) return false;
  return true;
}

inline int order(const void* a, const void* b) {
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

} // namespace x25
