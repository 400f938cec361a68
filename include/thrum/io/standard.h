// The streams that the program was started with: io::in(), io::out(), io::err(), whatever they are: a terminal, a pipe, a socket,
// a file, /dev/null. A fiber that waits for a line parks, as at any other stream, and the others go on.
//
//   char line[4096]; // a terminal gives a line at a time
//   while (auto n = thrum::io::in().read_some(line, 60s)) {
//     if (*n == 0) break;
//     thrum::io::out().write_all({line, *n}).value();
//   }
//
// What the caller owes   A reference is used until the runtime of the fiber that called ends (on a plain thread: for ever). Who
//                        also uses std::cin or printf: those have buffers of their own; what they have read ahead is not seen
//                        here, and what they have not flushed comes later.
// What is guaranteed     io/stream.h. Nothing is changed about the streams as other processes see them: the terminal of the shell stays
//                        blocking. A file goes on at the position that it has, which is shared with whoever else has it.
//                        No call blocks more than its thread, and that only where the system offers nothing better: for a file, for a
//                        device, and for a pipe or terminal that may not be opened again (of another user), if another process
//                        was quicker to take what was there.
// close()                closes thrum's own, not the number 0, 1 or 2; the next call of in() opens another in its place, so no other
//                        fiber may use an old reference then. A reader behind a pipe sees its end when both are closed.
// Which runtime          of the calling fiber, or the default runtime; each has streams of its own, made at
//                        the first call, and kept: later changes of 0, 1 or 2 do not matter to them.
// Cancellation, May park, Happens-before     as all streams. Calls of the system in progress on a file are not ended by anybody.
// When it dies           With its runtime (io/handle.h); what it holds is given back when another runtime asks for its own.
// Errors                 those of streams. A stream that was closed when the program began, or goes in the other direction, answers
//                        io::errc::closed. The first call throws io::failure if the system refuses a descriptor for it.
// Cost                   the first call: five system calls; later ones 20 ns. While a runtime has opened one that is no file, it
//                        reports no deadlocks of all its fibers, as with any open socket.
// Source of the idea     Go's os.Stdin, os.Stdout and os.Stderr.
#pragma once

#include <thrum/io/stream.h>

namespace thrum::io {

[[nodiscard]] const byte_reader& in();
[[nodiscard]] const byte_writer& out();
[[nodiscard]] const byte_writer& err();

} // namespace thrum::io
