// census: who sleeps in this process, taken while everything goes on.
//
// Nothing may be touched: a fiber may go on, end, and its stack be unmapped while we look. So the control blocks are copied by
// the kernel (env/process.h), twice. An agent that was in the same wait in both copies (its number of waits is the same, and it was
// not decided) slept all the time between; what the second copy says of that wait is then complete and true.
//
// Does anybody run? Between the two copies, in this order: all workers of all runtimes are asleep and no timer is set; the process
// has no other threads than these, the monitors, that of the console, and plain threads that sleep in both copies, and none of them is
// in a signal handler. Then at the first of these instants nobody ran who could have started anything, and whoever was woken since would not
// have slept in both copies.
//
// Orderings
//   D1  heavy fences between the copies and what is read between them, so that nothing of the second copy is older than that: an agent
//       publishes its wait, and a worker leaves the sleepers, behind fences or locks of their own (P2 in sched/park.cc, idle_lock).
#pragma once

#include "sched/fiber.h"
#include "wait/agent.h"

#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <vector>

namespace thrum::sched {
struct runtime_core;
} // namespace thrum::sched

namespace thrum::inspect {

// One agent, as the second copy shows it.
struct agent_view {
  const wait::agent* who = nullptr;
  const sched::runtime_core* home = nullptr; // null: a plain thread
  bool asleep = false;                       // all the time between the copies
  wait::reason why = wait::reason::none;
  bool has_deadline = false;
  bool in_scope =
      false; // with_timeout() and its like: the wait may be ended by a request that nobody here knows of
  std::uint32_t waits = 0;
  const void* waiting_for = nullptr;
  // Who must act before the wait can end, if that is one agent: the holder of a mutex, a fiber that is joined. An address: he may
  // have ended.
  const wait::agent* waits_on = nullptr;
  int waits_on_thread = 0; // its number, if it is a plain thread, also one that runs

  // Not asleep, and without a processor since then, because it kept it too long; 0: no.
  env::nanoseconds lost_at = 0;
  bool lost_blocked = false; // it slept in the kernel then

  // Of fibers
  std::uint64_t id = 0;
  const char* name = nullptr; // read it with name_of() only
  std::source_location site;
  env::context saved;
  const char* top = nullptr; // of its stack

  int thread =
      0; // of plain threads: the kernel's number; of fibers: that of the thread where it was seen, 0: on none

  bool may_be_woken_from_outside() const noexcept {
    return has_deadline || in_scope || why == wait::reason::sleep || why == wait::reason::readable ||
           why == wait::reason::writable || why == wait::reason::disk;
  }
};

std::string name_of(const agent_view& a);   // "" if it has none
std::string name_at(const char* somewhere); // in memory that may be gone

struct totals {
  std::uint64_t fibers = 0; // that have begun and not ended
  std::uint64_t asleep = 0; // of these
  std::uint64_t coroutines =
      0; // started with spawn() or go(), that have waited and not ended; what for is not known
  std::uint64_t waiting_to_begin = 0;
  unsigned plain_threads = 0; // asleep in a wait of ours
  bool nobody_runs = false;   // see above
  bool descriptors = false;   // some are watched
  bool timers = false;        // some are set
  bool left_out = false;      // there were more fibers than were to be looked at: the numbers are of these
};

// One task group, as it was between the copies.
struct group_view {
  const void* address = nullptr;
  const wait::agent* owner = nullptr;
  int thread = 0;               // the owner's number, if it is a plain thread
  const void* inside = nullptr; // the group of which its owner is a task; null: of none
  const char* name = nullptr;   // read it with name_at() only
  std::source_location site;
  unsigned limit = 0;
  bool stopped = false;
  bool has_deadline = false;
  std::uint64_t started = 0;
  std::uint64_t running = 0; // have not ended
  std::uint64_t begun = 0;   // of those, as fibers that were seen
  enum class doing : std::uint8_t { something_else, wants_a_place, joins };
  doing owner_does = doing::something_else;
};

// Groups are found from the agents that own them or are tasks in them: each has a list of these, which nobody else changes
// (thrum/detail/task_group_core.h). So that of an agent which slept all the time between the copies is complete and true. That of one
// which ran may have changed while it was read. Each entry has a mark that says whether it was one; what is shown of such a group
// was true of it at some time, but perhaps not all of it at the same time.
struct group_census {
  std::vector<group_view> groups;
  bool left_out = false; // there were too many
};

// Visits every fiber of the process, and every plain thread that sleeps. Runtimes neither come nor go meanwhile, so `visit` makes
// none. Throws std::bad_alloc. `groups`: null, if nobody asks for them. `most`: fibers that are looked at.
totals take_census(const std::function<void(const agent_view&)>& visit, group_census* groups = nullptr,
                   std::size_t most = SIZE_MAX);

// Of a fiber that slept: is it in the same wait? False also if another fiber has its stack by now.
bool still_waits(const agent_view& a) noexcept;

// About how many fibers there are: what a census costs.
std::size_t fibers_about() noexcept;

} // namespace thrum::inspect
