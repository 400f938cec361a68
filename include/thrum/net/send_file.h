// send_file: sends a part of a file over a stream, without its bytes passing through this program.
//
//   thrum::io::result<std::size_t> send_page(const thrum::net::tcp_stream& to, int fd) {
//     return thrum::net::send_file(to, fd, 0, 1 << 20, 30s); // the first MiB, or all of it, if it is shorter
//   }
//
// What the caller owes   The file stays open until it has returned, and allows reading at an offset: a regular file or a block
//                        device. Its own position is neither used nor moved. It may be changed meanwhile; what is sent is then old
//                        or new.
// What is guaranteed     As write_all of the same bytes: they are not mixed with another's, and if the other side is slow, the fiber
//                        waits. The result is how many were sent: `count`, or fewer if the file has ended before. SIGPIPE is
//                        never raised.
// Cancellation           A stop request ends waits for the stream. If some bytes have been sent by then: io::cancelled_transfer says how
//                        many.
// May park               yes. While the disk works, the thread waits and others go on (blocking.h).
// Happens-before         nothing.
// When it dies           A function.
// Errors                 Those of write_all, with `transferred`; bad_file_descriptor, invalid_argument or invalid_seek (what cannot be
//                        read at an offset),
//                        io_error.
// Cost                   Some five system calls for each piece that fits into the stream's send buffer, four of which are for SIGPIPE;
//                        no copy. Small files are sent faster by reading and writing them.
// Source of the idea     sendfile(2); Java's FileChannel.transferTo.
#pragma once

#include <thrum/io/error.h>
#include <thrum/io/stream.h>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace thrum::net {

io::result<std::size_t> send_file(const io::byte_stream& to, int file, std::uint64_t offset,
                                  std::size_t count, io::deadline until = {});

// Of whatever has a descriptor.
template <class File>
  requires requires(const File& f) {
    { f.native() } -> std::same_as<int>;
  }
io::result<std::size_t> send_file(const io::byte_stream& to, const File& file, std::uint64_t offset,
                                  std::size_t count, io::deadline until = {}) {
  return send_file(to, file.native(), offset, count, until);
}

} // namespace thrum::net
