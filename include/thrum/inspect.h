// inspect: what the fibers of this process do, and which of them can never go on.
//
//   std::string text = thrum::dump();          // every fiber, grouped by what it waits for and where; and the task groups
//
// The same text goes to standard error when the process gets SIGQUIT (Ctrl-\, kill -QUIT), unless the program handles that
// signal itself or the environment has THRUM_QUIT=default. The program goes on; a second SIGQUIT within a second ends it.
//
// A program that is started with THRUM_CONSOLE=1 answers the same to thrum-console, which watches it (docs/debugging.md).
//
// Deadlocks are looked for without being asked (options.find_deadlocks), some 50 ms after a runtime has become idle, and every
// second or so while it is not, unless there are more than 2,000 fibers then. In an idle crowd that a timer or a descriptor will
// wake, of which only a few can be stuck, it may take longer: looks get one part in a hundred of the time.
//
// All asleep             All fibers wait without a deadline, no timer is set, no descriptor is waited for, and the process has no
//                        thread that could wake one. That cannot end: the process does, with a panic that shows every fiber.
// A cycle                Fibers (or plain threads) that wait for each other: for mutexes that the next one holds, or for its end.
//                        That is reported once; others go on.
// What the caller owes   Nothing. A dump starts addr2line, if it is installed, to name source lines; THRUM_SYMBOLS=off forbids it.
// What is guaranteed     Nothing is stopped or changed. Of a fiber that is shown as waiting the line is true and was true for some
//                        time. No report without a deadlock: threads that thrum does not know are taken for ones that may wake
//                        somebody. (So a program that keeps one, say for signals, gets reports of cycles only. One whose last way
//                        out is a signal handler that calls _exit() looks deadlocked: switch the search off. Under the thread
//                        sanitizer everything works as without, but SIGQUIT: it keeps a signal while a thread waits in thrum.)
// May park               no; it blocks the thread while it looks: about a microsecond a fiber, and 0.1 s for addr2line.
// Happens-before         nothing.
// Errors                 std::bad_alloc.
// Cost                   nothing until it looks; a look about 1 us a fiber on the monitor's thread, and at most 1 % of the time.
//                        While it looks, or writes what SIGQUIT asked for, no processor is taken from a fiber that computes.
// Source of the idea     Go's SIGQUIT and "all goroutines are asleep"; Java's jstack, which finds cycles of monitors.
#pragma once

#include <string>

namespace thrum {

// What every fiber of the process does, and the tree of the task groups (up to 10,000 are looked at).
[[nodiscard]] std::string dump();

} // namespace thrum
