// The report of a deadlock, taken apart: one entry for each fiber or thread, or for each group of them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace deadlock {

struct entry {
  std::string head;    // "fiber #3 'consumer' waits to receive from a channel (0x7f8a0c000b70)"
  std::string details; // the indented lines below it
  std::size_t count = 1;
};

struct report {
  std::string title; // the line that begins with "thrum: "
  std::vector<entry> entries;
};

// All reports in what a program has written to standard error.
std::vector<report> parse(const std::string& text);

// The names that the program has announced on standard output (cast.h), and the line that starts each.
std::map<std::string, int> announced(const std::string& out);

// '*' stands for any characters.
bool matches(std::string_view pattern, std::string_view text);

// The entry whose head is like the pattern, "'consumer' waits to receive from a channel (*)"; null: there is none. `fiber #*` in front
// may be left out.
const entry* find(const report& r, const std::string& pattern);

} // namespace deadlock
