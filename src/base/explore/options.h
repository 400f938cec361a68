// options and result: what an exploration is told, and what it says.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <variant>

namespace thrum::base::explore {

// Depth first: every execution, or every one with at most `preemptions` involuntary switches (a switch away
// from a thread that could have gone on; switches at the end of a thread, in relax() and in a park are free).
// Most bugs need one or two. Complete when it ends by itself.
//
// Without a bound, `reduce` leaves out executions that differ from an explored one only in the order of
// independent steps (sleep sets; engine.h), or in turns of a waiting loop that repeat the one before. With a
// bound it does only the latter: a bound and sleep sets together would lose executions.
struct dfs {
  static constexpr int unlimited = -1;
  int preemptions = unlimited;
  bool reduce = true;
};

// Each choice uniformly at random.
struct random_walk {};

// Probabilistic concurrency testing: random priorities, which change at depth - 1 random steps. A bug that
// needs `depth` ordered steps is found with probability at least 1 / (threads * steps^(depth-1)) in each
// execution.
struct pct {
  int depth = 3;
};

using strategy = std::variant<dfs, random_walk, pct>;

// What the pair light_fence() / heavy_fence() means (base/atomic.h).
enum class asymmetric_fences : std::uint8_t {
  // The contract: a light and a heavy fence are ordered as if both were seq_cst, two light ones are not.
  paired,
  // What the system call does: a heavy fence is a seq_cst fence in every thread at that instant, a light one
  // is nothing.
  instant,
  // The fallback of kernels that refuse the call: both are seq_cst fences.
  full,
};

struct options {
  explore::strategy strategy = dfs{};
  std::uint64_t max_executions = 10'000'000; // abandoned ones count
  double seconds =
      0; // of CPU time; 0: no limit. Prefer max_executions in tests: it does not depend on the machine
  std::uint64_t seed = 1;
  int max_steps = 2000; // in one execution; reaching it is reported as a livelock
  asymmetric_fences fences = asymmetric_fences::paired;
  // How often in an execution each thread's compare_exchange_weak may fail although it could succeed.
  int weak_failures = 1;
  // How often in a row a thread may go round a relax() loop although no other thread has stored anything that
  // the loop looks at. 0 suits loops that wait for ever; a loop that gives up after n turns needs n to be
  // seen giving up.
  int idle_turns = 0;
};

struct result {
  std::string model;
  std::string strategy;
  std::uint64_t seed = 0;
  std::uint64_t executions = 0;   // run to their end
  std::uint64_t pruned = 0;       // abandoned half-way because an equivalent one had been explored
  std::uint64_t steps = 0;        // in all executions
  double seconds = 0;             // of CPU time
  bool complete = false;          // every execution within the strategy's bound was explored (searches only)
  bool histories_dropped = false; // a location had more stores than are remembered (limit M3 of memory.h)
  std::string failure;            // empty: none found
  std::string path;               // the choices of the failing execution, for replay()
  std::string trace;              // its steps

  [[nodiscard]] bool ok() const noexcept { return failure.empty(); }
  [[nodiscard]] double executions_per_second() const noexcept {
    return seconds > 0 ? static_cast<double>(executions + pruned) / seconds : 0;
  }
};

std::ostream& operator<<(std::ostream& out, const result& r);

} // namespace thrum::base::explore
