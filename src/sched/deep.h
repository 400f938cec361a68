// Stacks that were deep: memory that parked fibers do not need any more goes back to the system. The essay is in deep.cc.
#pragma once

#include "sched/runtime_core.h"

namespace thrum::sched {

class deep_stacks {
public:
  explicit deep_stacks(runtime_core& core) noexcept : core_(core) {}
  ~deep_stacks();
  deep_stacks(const deep_stacks&) = delete;
  deep_stacks& operator=(const deep_stacks&) = delete;

  // Looks through some stacks, if it is time. `active`: fibers may have run since the last call. Returns when it wants to be called
  // again; env::forever: not before some fiber has run. Requires: one thread for each runtime calls (G0 in lend.h).
  env::nanoseconds look(env::nanoseconds now, bool active) noexcept;

  // Half a second; tests ask for less.
  static constinit base::atomic<env::nanoseconds> between_rounds;

private:
  static constexpr std::size_t window = 8192; // pages that the kernel is asked about at a time: 32 MiB

  bool go_on(env::nanoseconds give_up) noexcept;
  void look_at_all(unsigned stacks) noexcept;
  void look_at(stack::stack_ref s, char* from, char* to, const unsigned char* pages) noexcept;
  void sweep(char* from, char* to, const unsigned char* pages) noexcept;

  runtime_core& core_;
  stack::slab* held_ = nullptr; // where this round has got to
  std::uint32_t index_ = 0;     // and there
  bool in_round_ = false;
  bool active_ = false; // fibers may have run since this round began
  bool marked_ = false; // some pages were, in this round
  env::nanoseconds next_ = 0;
  env::nanoseconds next_round_ = 0;
  unsigned char pages_[window];
  static constexpr unsigned batch = 64;
  stack::stack_ref stacks_[batch];
};

} // namespace thrum::sched
