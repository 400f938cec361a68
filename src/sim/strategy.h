// strategy: which of the fibers that could run does, and where the running one is interrupted.
//
//   uniform    any of them, each as likely. Interrupts with a probability that the seed gives, the same for a whole run: some runs never
//              interrupt, some at every second chance. Bugs that need many switches like the latter, those that need long
//              stretches of one fiber the former.
//   priorities PCT (Burckhardt and others, 2010): each fiber has a random priority, and the highest runs. At `depth` - 1 points of the
//              run, random ones, the priority of the running fiber falls below all others. A bug that needs `depth` orderings is
//              found with a known probability, however long the program is. Who yields, or finds a guard taken, falls as well: he
//              waits for another, who must not starve.
// The points of PCT need the length of the run, which is not known: each order of magnitude up to 2^16 is as likely.
// (Rejected: to learn the length from the run before. Then a seed alone would not give the same run again.)
#pragma once

#include "sim/chance.h"

#include <thrum/simulate.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace thrum::detail {
struct runnable;
}

namespace thrum::sim {

// What could run. A fiber has the number by which it is known; a task that has not begun has none yet.
struct candidate {
  detail::runnable* what;
  std::uint64_t fiber; // 0: a task
  std::uint64_t rank;  // of a task
};

class strategy {
public:
  strategy(const simulation_options& o, std::uint64_t seed);

  std::uint64_t rank_of_task() noexcept { return above + chance_.below(above); }
  void begins(std::uint64_t fiber, std::uint64_t rank);
  void ends(std::uint64_t fiber) { ranks_.erase(fiber); }
  void falls(std::uint64_t fiber); // it lets others go first

  // Requires: there are some.
  std::size_t choose(const std::vector<candidate>& all);
  // Is this fiber to be interrupted, while these could run?
  bool interrupts(std::uint64_t fiber, const std::vector<candidate>& all);
  std::size_t choose_timer(std::size_t n) noexcept { return chance_.below(n); }
  bool timer_is_first() noexcept { return chance_.one_in(2); } // something is due while others could run

private:
  static constexpr std::uint64_t above = std::uint64_t{1} << 32; // ranks of who has fallen are less

  std::uint64_t rank_of(const candidate& c) const noexcept;

  chance chance_;
  bool by_rank_;
  std::uint64_t one_in_ = 0; // interrupts; 0: never
  std::uint64_t steps_ = 0;
  std::vector<std::uint64_t> points_; // of PCT, descending
  std::uint64_t lowest_ = above;
  std::unordered_map<std::uint64_t, std::uint64_t> ranks_; // never iterated
};

} // namespace thrum::sim
