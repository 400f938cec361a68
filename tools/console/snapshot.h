// What a program has told at one look (docs/debugging.md has the names).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace console {

using count = std::uint64_t;
using nanoseconds = std::int64_t;

struct place {
  std::string file; // "": none, or many
  unsigned line = 0;
  std::string function;
};

struct holdup_row {
  place at;
  count computed = 0; // times
  nanoseconds computing = 0;
  count blocked = 0;
  nanoseconds blocking = 0;
};

struct runtime_row {
  std::string name;
  count processors = 0;
  count idle = 0;
  count threads = 0;
  count detached = 0;
  count spawned = 0;
  count finished = 0;
  std::uint32_t polls = 0; // wraps around
  count taken_from_computing = 0;
  count taken_from_blocked = 0;
  std::vector<holdup_row> holdups;
};

struct pool_row {
  std::string name;
  count limit = 0; // 0: none
  count running = 0;
  count waiting = 0;
  count calls = 0;
};

struct group_row { // fibers that do the same, and were spawned at the same place
  count fibers = 0;
  std::string runtime;
  std::string state;
  std::string name;
  bool names_differ = false;
  place at;
  nanoseconds longest = 0; // without a processor, of those that compute or are blocked
};

struct snapshot {
  std::int64_t pid = 0;
  std::string command;
  nanoseconds now = 0;
  nanoseconds up = 0;
  std::vector<runtime_row> runtimes;
  std::vector<pool_row> pools;
  std::vector<group_row> groups; // the largest first
  count groups_left_out = 0;
  count fibers_left_out = 0; // of these groups
  count seen = 0;            // fibers that were looked at
  bool all_seen = true;
};

// A sentence, if the text is something else.
std::expected<snapshot, std::string> read_snapshot(std::string_view text);

} // namespace console
