// The mutation gate: is every memory order in a lock-free structure needed, and would our models notice if
// one was lost?
//
// The gate runs the given scenarios once and collects every ordered operation they reach (site.h). Then it
// weakens one operation by one notch while the models run, and demands that some scenario fails; then the
// next. As a weaker order allows all that a stronger one allows, a mutant that is killed speaks for
// everything below it; a mutant that survives is reported, and the gate goes on to the orders below. Nothing
// is compiled again, so a gate takes seconds.
//
// A survivor means one of three things: the order is stronger than the algorithm needs (use the weaker one),
// the scenarios miss a situation (add it), or the explorer cannot show the difference (limits M1..M4 in
// memory.h). The test says which, by an allowance with a reason; an allowance that no survivor needs any more
// fails the test too.
#pragma once

#include "base/explore/explore.h"

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::base::explore {

struct scenario {
  model what;
  options how;
};
template <world World> scenario scenario_of(const options& how = {}) { return {model_of<World>(), how}; }

struct gate_options {
  // Only sites in files whose path ends with one of these; all sites if empty.
  std::vector<std::string> files{};
  // Parts of source lines that are not weakened: slow paths whose orders are kept strong on purpose, so that an argument stays
  // short. The caller says why.
  std::vector<std::string> left_alone{};
  // Before a scenario's own strategy, each mutant gets this many executions of pct(3) in each scenario: most
  // mutants die within a few dozen of them, where a search might reach the interesting part late.
  std::uint64_t quick_executions = 2000;
};

struct mutant {
  site_record where;
  strength weakened = strength::none;
  std::string code{}; // the source line
  bool killed = false;
  bool exhausted = true; // survivors: every scenario was explored completely
  std::uint64_t executions = 0;
  std::string killer{};  // the scenario that failed ...
  std::string failure{}; // ... and how
};

struct allowance {
  std::string_view code; // a part of the source line that says which operation is meant
  strength from;
  strength to;
  std::string_view reason;
};

struct gate_report {
  std::string baseline_failure; // a scenario fails, or is not explored completely, without any mutation
  std::size_t sites = 0;        // ordered operations that were reached and can be weakened
  std::vector<mutant> mutants;
  double seconds = 0;

  std::vector<mutant> survivors() const;
  // Empty if the unmutated scenarios pass, each survivor has an allowance and each allowance a survivor; else
  // the rest.
  std::string unexplained(std::span<const allowance> allowed = {}) const;
};

gate_report mutation_gate(std::initializer_list<scenario> scenarios, const gate_options& how = {});

std::ostream& operator<<(std::ostream& out, const mutant& m);
std::ostream& operator<<(std::ostream& out, const gate_report& report);

} // namespace thrum::base::explore
