// holdups: who kept a processor so long that it was taken away (monitor.cc), counted by the place where the fiber was spawned.
// Written when a fiber comes back that has lost one: no fast path sees it.
#pragma once

#include "base/spin_lock.h"
#include "env/env.h"

#include <cstdint>
#include <source_location>

namespace thrum::sched {

struct holdup {
  std::source_location site;
  std::uint64_t computed = 0; // times
  env::nanoseconds computing = 0;
  std::uint64_t blocked = 0; // times
  env::nanoseconds blocking = 0;
};

class holdup_table {
public:
  static constexpr unsigned capacity = 64; // places that come later share the last row, which names none

  // A fiber of `site` has lost its processor, and is back after `time`.
  void add(const std::source_location& site, bool blocked, env::nanoseconds time) noexcept;

  template <class Visit> void for_each(Visit visit) noexcept {
    const base::spin_guard guard(lock_);
    for (const holdup& h : rows_)
      if (h.computed != 0 || h.blocked != 0) visit(h);
  }

private:
  holdup& row_of(const std::source_location& site) noexcept;

  base::spin_lock lock_;
  holdup rows_[capacity]; // guarded
};

} // namespace thrum::sched
