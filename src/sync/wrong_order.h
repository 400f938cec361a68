// What a report of a wrong order of locks says: inspect/ finds the words, and sync/ knows no more of it than this.
#pragma once

#include "sync/lock_order.h"

#include <array>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace thrum::sync {

using lock_trace = std::array<const void*, 24>; // return addresses, innermost first; null: no more

struct named_lock {
  std::uint32_t number;
  const void* address;
  lock_kind kind;
  bool together;
};

// Somebody locks `second` while it holds `first`.
struct nested_lock {
  std::uint64_t who; // unlike all others' that have lived
  std::uint64_t id;  // of a fiber; 0: it is none
  int thread;        // of a plain thread, the kernel's number; 0: it is none
  std::string name;  // of a fiber
  std::source_location site;

  named_lock first;
  named_lock second;
  lock_trace first_at;
  lock_trace second_at;
  std::vector<named_lock> held; // all of them, with `first`
};

// Each waits for the next one, the last for the first. Implemented by inspect/.
void report_wrong_order(const std::vector<nested_lock>& cycle) noexcept;

} // namespace thrum::sync
