// company: does it pay to let others run fibers of this processor?
//
// The problem: many tiny fibers that all use one channel. On one processor each costs little more than its own instructions; on
// two, each takes the channel's guard and data out of the other's cache, and waits for it: seven times the CPU time, twice the
// wall time (a thousand fibers that send to one channel: 1,050 ns each instead of 150, November 2026). What sharing costs cannot
// be known beforehand, and it hides: dispatches get longer by it, so a backlog looks as if it were worth even more to share.
//
// The way taken: look at what happens. A processor that finds guards taken again and again, while its fibers run for short, keeps
// them to itself for a while. If that comes back when it shares again, the while is twice as long; if others run beside it
// and it does not, all is forgotten. So a program that fights loses some per cent by trying now and then.
//
// Rejected: waiting longer for a guard, so that its holder gets more done before it loses the cache line. It gains half as much,
// and makes every other collision wait.
#pragma once

#include "env/env.h"

#include <algorithm>

namespace thrum::sched {

class company {
public:
  // Told at each look beyond (pick.cc): how often a guard was found taken since the last look, and whether others ran meanwhile.
  void look(unsigned collisions, bool others_run) noexcept {
    if (collisions > many) {
      span_ = std::clamp(2 * span_, shortest, longest);
      left_ = span_;
    } else if (left_ != 0) {
      --left_;
    } else if (others_run) {
      span_ = 0;
    }
  }

  // Requires: mean_run is what a dispatch takes on average.
  bool pays(env::nanoseconds mean_run) const noexcept { return left_ == 0 || mean_run >= long_run; }

private:
  // Of 61 dispatches. Where fibers fight it is 20 to 60, elsewhere 0 to 2.
  static constexpr unsigned many = 8;
  // In looks: 244 dispatches, and 62,464 (some milliseconds of tiny fibers).
  static constexpr unsigned shortest = 4;
  static constexpr unsigned longest = 1024;
  // A collision costs less than a microsecond, so it cannot be what makes such dispatches long.
  static constexpr env::nanoseconds long_run = 5'000;

  unsigned span_ = 0; // how long sharing stops after a fight; 0: there was none
  unsigned left_ = 0; // looks until it is tried again
};

} // namespace thrum::sched
