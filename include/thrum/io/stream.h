// byte_reader, byte_writer, byte_stream: what bytes can be read from and written to, one after the other: a connection, a pipe,
// a child's output, a terminal. A fiber that has to wait parks; a thread blocks.
//
//   void echo(const thrum::io::byte_stream& s) {
//     char buffer[4096];
//     while (auto n = s.read_some(buffer, 30s)) {          // std::expected: an error or ...
//       if (*n == 0) break;                                // ... a count; 0: the other side has ended
//       if (!s.write_all({buffer, *n})) break;
//     }
//   }
//
// One makes them with net/tcp.h and its like. Every operation takes a deadline (io/deadline.h) and obeys the sticky ones of
// io/handle.h, too. io/ready.h puts them into a select.
//
// What the caller owes   See io/handle.h. The memory of a buffer stays until the operation has returned.
// What is guaranteed     Operations of one direction are served one after the other, in the order in which they came; write_all
//                        is never mixed with another's. Reading and writing go on independently. SIGPIPE is never raised.
//                        Bytes that were received are never dropped: an operation that is cancelled or late has
//                        taken none, or says how many (error::transferred, io::cancelled_transfer).
// Cancellation           A stop request ends waits only: what is there is read, and what has room is written, although a stop was
//                        requested.
// May park               every operation.
// Happens-before         only what passes through says.
// When it dies           It closes (io/handle.h).
// Errors                 io::result (io/error.h): of the system; io::errc::closed, deadline and runtime_ended; read_exactly:
//                        io::errc::end_of_stream. `cancelled` is thrown from waits of a fiber that was asked to stop.
// Cost                   A read or write is one system call and about 100 ns; of several buffers, too, up to 1,024 of them.
// Source of the idea     Go's io.Reader and io.Writer; std::expected instead of a pair.
#pragma once

#include <thrum/io/buffer.h>
#include <thrum/io/error.h>
#include <thrum/io/handle.h>

#include <cstddef>
#include <span>

namespace thrum::detail {

// src/io/transfer.cc. All take a null descriptor for a handle that refers to nothing.
io::result<std::size_t> read_some(io::descriptor* d, io::mutable_buffer into, io::deadline until);
io::result<void> read_exactly(io::descriptor* d, io::mutable_buffer into, io::deadline until);
io::result<std::size_t> write_some(io::descriptor* d, io::const_buffer from, io::deadline until);
io::result<void> write_all(io::descriptor* d, io::const_buffer from, io::deadline until);

// src/io/vectored.cc. The same with several buffers, one after the other.
using read_list = std::span<const io::mutable_buffer>;
using write_list = std::span<const io::const_buffer>;
io::result<std::size_t> read_some(io::descriptor* d, read_list into, io::deadline until);
io::result<std::size_t> write_some(io::descriptor* d, write_list from, io::deadline until);
io::result<void> write_all(io::descriptor* d, write_list from, io::deadline until);

} // namespace thrum::detail

namespace thrum::io {

class byte_reader : public handle {
public:
  byte_reader() noexcept = default;

  // Reads what is there, at least one byte, at most the buffer. 0: the other side has ended (or the buffer is empty).
  result<std::size_t> read_some(mutable_buffer into, deadline until = {}) const {
    return detail::read_some(get(), into, until);
  }
  // Fills the buffer. If the stream ends before: io::errc::end_of_stream, with `transferred` bytes read.
  result<void> read_exactly(mutable_buffer into, deadline until = {}) const {
    return detail::read_exactly(get(), into, until);
  }
  // read_some() into several buffers, one after the other.
  result<std::size_t> read_some(std::span<const mutable_buffer> into, deadline until = {}) const {
    return detail::read_some(get(), into, until);
  }

protected:
  explicit byte_reader(descriptor* d) noexcept : handle(d) {}
};

class byte_writer : public handle {
public:
  byte_writer() noexcept = default;

  // Writes as much as fits now, at least one byte.
  result<std::size_t> write_some(const_buffer from, deadline until = {}) const {
    return detail::write_some(get(), from, until);
  }
  // Writes all. On errors `transferred` bytes were handed to the kernel.
  result<void> write_all(const_buffer from, deadline until = {}) const {
    return detail::write_all(get(), from, until);
  }
  // The same from several buffers, one after the other.
  result<std::size_t> write_some(std::span<const const_buffer> from, deadline until = {}) const {
    return detail::write_some(get(), from, until);
  }
  result<void> write_all(std::span<const const_buffer> from, deadline until = {}) const {
    return detail::write_all(get(), from, until);
  }

protected:
  explicit byte_writer(descriptor* d) noexcept : handle(d) {}
};

// Both.
class byte_stream : public handle {
public:
  byte_stream() noexcept = default;

  result<std::size_t> read_some(mutable_buffer into, deadline until = {}) const {
    return detail::read_some(get(), into, until);
  }
  result<void> read_exactly(mutable_buffer into, deadline until = {}) const {
    return detail::read_exactly(get(), into, until);
  }
  result<std::size_t> write_some(const_buffer from, deadline until = {}) const {
    return detail::write_some(get(), from, until);
  }
  result<void> write_all(const_buffer from, deadline until = {}) const {
    return detail::write_all(get(), from, until);
  }
  result<std::size_t> read_some(std::span<const mutable_buffer> into, deadline until = {}) const {
    return detail::read_some(get(), into, until);
  }
  result<std::size_t> write_some(std::span<const const_buffer> from, deadline until = {}) const {
    return detail::write_some(get(), from, until);
  }
  result<void> write_all(std::span<const const_buffer> from, deadline until = {}) const {
    return detail::write_all(get(), from, until);
  }

protected:
  explicit byte_stream(descriptor* d) noexcept : handle(d) {}
};

} // namespace thrum::io
