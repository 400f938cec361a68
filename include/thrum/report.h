// runtime_report: what a runtime has done and does, in numbers, and whose fibers hold others up.
//
//   thrum::runtime_report r = thrum::runtime::current().report();
//   if (r.holdups.size() > 10) std::puts("many places keep processors for long");
//   std::fputs(to_string(r).c_str(), stderr);
//
// A fiber that computes or blocks for long loses its processor to others and goes on, so it is no mistake; but each time costs a
// thread and two switches of the kernel, and too many of them show here: count them by the line that spawned them.
//
// What the caller owes   Nothing. Any thread may ask, in a fiber or not.
// What is guaranteed     Each number was right at some instant of the call; they were not all right at the same one.
// May park               no.
// Happens-before         nothing.
// Errors                 std::bad_alloc.
// Cost                   some microseconds.
// Source of the idea     Seastar's stall reports; Go's runtime/metrics.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace thrum {

// Fibers spawned at one place that lost their processors because they kept it too long. Counted when they come back.
struct holdup_report {
  std::source_location site;             // line 0: of many places
  std::uint64_t computed = 0;            // how often they computed without a break
  std::chrono::nanoseconds computing{0}; // for how long they went on without a processor
  std::uint64_t blocked = 0;             // how often they slept in the kernel
  std::chrono::nanoseconds blocking{0};
};

// With THRUM_DEBUG=one_by_one (docs/debugging.md): fibers spawned at one place that asked, waited for the answer, and only then asked for
// the next one, ten times or more in a row.
struct one_by_one_report {
  std::source_location site;           // of the 64th place and all later ones: that of the 64th
  std::uint64_t times = 0;             // how often they did so
  std::uint64_t waits = 0;             // for answers, in all
  std::uint64_t most = 0;              // in one row
  std::chrono::nanoseconds waiting{0}; // in all
};

// A pool of blocking work (blocking.h). They belong to the process: each runtime's report has all of them.
struct blocking_pool_report {
  std::string name;        // the first 47 bytes of it
  std::size_t limit = 0;   // 0: none
  std::size_t running = 0; // calls now; each keeps a thread
  std::size_t most = 0;    // ever at a time
  std::size_t waiting = 0; // for a place
  std::uint64_t calls = 0; // ever
};

struct runtime_report {
  std::string name;
  unsigned processors = 0;
  unsigned idle_processors = 0;
  unsigned threads = 0;      // workers
  unsigned most_threads = 0; // ever at a time
  unsigned thread_limit = 0; // options.max_threads, or one for each processor, if that is more
  unsigned detached = 0;     // of these, with a fiber that has lost its processor and is not back
  std::uint64_t spawned = 0; // fibers, ever
  std::uint64_t finished = 0;
  std::uint64_t taken_from_computing = 0; // processors, ever
  std::uint64_t taken_from_blocked = 0;
  std::size_t stacks = 0;                           // in use or kept warm
  std::size_t stack_bytes = 0;                      // of addresses; memory is what was touched
  std::vector<holdup_report> holdups;               // the longest first
  std::vector<one_by_one_report> one_by_one;        // the longest first; empty without the debug mode
  std::vector<blocking_pool_report> blocking_pools; // in the order in which they were made
};

// A few lines for people.
[[nodiscard]] std::string to_string(const runtime_report& r);

} // namespace thrum
