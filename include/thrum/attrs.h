// attrs: how a fiber is to be made: its name, and how much stack it may use.
//
//   thrum::go({.name = "ticker", .stack = 16 << 10}, tick);
//   thrum::fiber<int> deep = thrum::spawn({.stack = 8 << 20}, [] { return compute(); });
//
// Stands in front of the function wherever a fiber is started: go(), spawn(), wait_group::go(), the same of a runtime, timers.
//
// What the caller owes   The name is not copied and outlives the fiber; a literal does.
// What is guaranteed     The fiber may use at least as many bytes as it asked for, beside what thrum needs: the size is rounded up
//                        (to 44, 88, 188, 444 KiB and so on), and the default is 88 KiB. A stack is found when the fiber runs
//                        for the first time, not when it is started.
// Overflow               ends the program with a report that names the fiber and where it was started: below the stack lies a
//                        guard of 16 KiB (up to 44 KiB of stack), 36 KiB (88 KiB) or 64 KiB. What the guard does not see: a single
//                        frame larger than it that is not touched in order (compile with -fstack-clash-protection), and, on
//                        kernels before 6.13, the stacks for which vm.max_map_count leaves no guard.
// May park               no.
// Happens-before         nothing.
// When it dies           at once: it is copied when the fiber is started.
// Errors                 None can be returned when a fiber runs for the first time: if the system then refuses memory for its
//                        stack, others run on until one is free; if none comes free, the program panics. So does asking for
//                        more than 1 GiB less 68 KiB.
// Cost                   An idle fiber of the default size: the pages that it has touched, mostly one or two, of 128 KiB of
//                        addresses. Memory that was touched serves the next fiber, and goes back to the system after half a
//                        second of idleness. So does what a fiber was deep in and has not used for as long, while it waits.
// Source of the idea     pthread_attr_t; std::thread attributes as proposed in P2019.
#pragma once

#include <cstddef>

namespace thrum {

struct attrs {
  const char* name = nullptr; // shown in reports; must outlive the fiber (a literal does)
  std::size_t stack = 0;      // bytes that the fiber may use, below 1 GiB; 0: the default, 88 KiB
};

} // namespace thrum
