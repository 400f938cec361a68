// Descriptors of others: what a library or the program itself has opened, a libpq socket, an eventfd, a timerfd, a pipe of popen. A fiber
// that waits for one parks, as at any stream, and its thread serves others.
//
//   std::uint64_t next_count(int event) { // an eventfd, blocking or not
//     std::uint64_t n = 0;
//     thrum::io::read(event, std::span(&n, 1)).value();
//     return n;
//   }
//
//   void wait_for_answer(int socket) { // of PQsocket; then comes PQconsumeInput
//     if (!thrum::io::wait_readable(socket, 5s)) report("too slow");
//   }
//
//   void serve(int socket, const thrum::chan<int>& quit) {
//     const auto b = thrum::io::borrowed::from(socket).value(); // for many waits: one registration for all of them
//     char buffer[4096];
//     while (thrum::select(thrum::readable(b), thrum::recv(quit)) == 0)
//       if (auto n = b.read_some(buffer); !n || *n == 0) break;
//   }
//
// read(fd, into)         what is there, at least a byte; 0: the end. As read(2), but it parks
// write(fd, from)        all of it. As write(2) on a descriptor that blocks
// wait_readable(fd)      until reading, or accept(2), will not wait: data, the end, or an error is there. Takes nothing
// wait_writable(fd)      the same of writing, or connect(2)
// borrowed               the same for who waits often: all of io/stream.h, the waits as members, and a case of select (io/ready.h)
//
// What the caller owes   The descriptor, open until the call begins to wait (until from() has returned). Whether it blocks does not
//                        matter, and is left as it is. The bytes: who else reads may be quicker, and the wait goes on.
//                        It stays the caller's to close, after the wait: for as long as it, or a borrowed, lasts, thrum has a duplicate,
//                        so the file stays open, and no peer sees an end. A close in the middle ends no wait (shutdown(2) and
//                        stop requests do), but does no harm either: the wait is for the file that it was begun with, never for
//                        another one that got the number since.
// Regular files          are always ready, as are devices that nobody can wait for: waits return at once. read and write are then as
//                        those of io/file.h, at the descriptor's own position. A borrowed of a file takes, when it dies, the
//                        process's record locks of that file away (fcntl F_SETLK), as every close of a duplicate does; read, write and
//                        the waits above make no duplicate of one.
// What is guaranteed     io/stream.h, among the users of one borrowed. SIGPIPE is never raised.
// Plain read(2)          in a fiber blocks its thread and, soon after, only that (blocking.h). docs/plain-read.md has a hook, for a library
//                        whose reads are to park instead.
// Which runtime          as io/handle.h: of the calling fiber, or the default runtime.
// Cancellation           A stop request and the deadline end waits, and nothing else: what is there is read.
// May park               read, write, the waits; not from().
// Happens-before         only what passes through says.
// When it dies           A borrowed closes its duplicate. What it was made from stays open.
// Errors                 io::result (io/error.h), of the system: bad_file_descriptor, also for one that is not open in this direction;
//                        too_many_files_open, if there is none for the duplicate; what read(2) and write(2) say.
//                        From waits: io::errc::closed (of a borrowed), deadline, runtime_ended, and `cancelled`.
// Cost                   What is ready: three or four system calls. A wait of the functions takes about ten more, and a park; one of a
//                        borrowed two to four, and a park. Reads of a borrowed socket cost what those of io/stream.h do.
// Source of the idea     os.NewFile and syscall.RawConn of Go; Asio's stream_descriptor, with a duplicate of its own.
#pragma once

#include <thrum/io/stream.h>

#include <cstddef>
#include <cstdint>

namespace thrum::io {

result<std::size_t> read(int fd, mutable_buffer into, deadline until = {});
result<void> write(int fd, const_buffer from, deadline until = {});
result<void> wait_readable(int fd, deadline until = {});
result<void> wait_writable(int fd, deadline until = {});

class borrowed : public byte_stream {
public:
  borrowed() noexcept = default;
  [[nodiscard]] static result<borrowed> from(int fd);

  result<void> wait_readable(deadline until = {}) const;
  result<void> wait_writable(deadline until = {}) const;

private:
  explicit borrowed(descriptor* d) noexcept : byte_stream(d) {}
};

} // namespace thrum::io
