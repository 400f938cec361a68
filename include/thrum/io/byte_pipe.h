// byte_pipe: bytes from one fiber (or thread) to another, through memory, with a limit: a stage of a pipeline that is slower makes
// the one before it wait.
//
//   auto [in, out] = thrum::io::byte_pipe(64 << 10);          // at most 64 KiB are on their way
//   thrum::fiber<> producer = thrum::spawn([to = std::move(out)] {
//     for (int i = 0; i < 1'000'000; ++i)
//       if (!to.write_all(std::to_string(i) + '\n')) return;  // the reader has gone
//     to.close();                                             // that was all
//   });
//   thrum::io::buffered_reader numbers(in);
//   while (auto line = numbers.read_line()) report(std::string(*line));
//
// The ends have the names of io/stream.h, so buffered streams (io/buffered.h) and copy (io/copy.h) take them. The high-water mark is
// how many bytes may have been written and not yet read.
//
// What the caller owes   The writer says the end: close(). A writer that is dropped without (an exception, a stop) did not come to
//                        it, and the reader is told so: std::errc::broken_pipe, after what was written. An end outlives the
//                        operations on it; moving it meanwhile is a mistake.
// What is guaranteed     Bytes come out once and in order. Memory is the high-water mark, however much passes. Operations of one
//                        end may be called from several fibers and threads; they are served one after the other, in the order in
//                        which they came, so write_all is never mixed with another's.
// Closing                May be done at any time; operations of that end which wait return io::errc::closed, later ones, too. After
//                        the writer's close, reads give what is left, and then 0. After the reader's, writes fail with
//                        std::errc::broken_pipe; what was not read is dropped. fail(e) closes and passes a reason on: the other end's
//                        operations return e instead, for the reader behind what was written before.
// Cancellation, deadline As for streams (io/stream.h): they end waits only, and lose no byte: error::transferred,
//                        io::cancelled_transfer.
// May park               every operation but close() and fail().
// Happens-before         a write -> the read that gets its bytes; that read -> the write that takes their place; close and fail -> the
//                        operations that they end.
// When it dies           An end closes; the reader's, as close() does; the writer's, as said above. The memory goes with the second.
// Errors                 io::result (io/error.h): io::errc::closed, deadline; read_exactly: end_of_stream; std::errc::broken_pipe; what
//                        was given to fail(). `cancelled`. std::bad_alloc from making one. A mark of zero panics.
// Cost                   A read or write copies its bytes, and takes about 120 ns beside; a wait of either side a switch more.
// Source of the idea     Go's io.Pipe, with a buffer; the high-water mark from Node's streams.
#pragma once

#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

#include <cstddef>
#include <memory>
#include <utility>

namespace thrum::detail {

struct pipe_state; // src/io/byte_pipe.cc

} // namespace thrum::detail

namespace thrum::io {

class byte_pipe_reader {
public:
  byte_pipe_reader() noexcept = default; // every operation: errc::closed
  byte_pipe_reader(byte_pipe_reader&&) noexcept = default;
  byte_pipe_reader& operator=(byte_pipe_reader&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~byte_pipe_reader() { close(); }

  // What is there, at least one byte. 0: the writer has ended (or the buffer is empty).
  result<std::size_t> read_some(mutable_buffer into, deadline until = {}) const;
  // Fills the buffer. If the pipe ends before: errc::end_of_stream, with `transferred` bytes read.
  result<void> read_exactly(mutable_buffer into, deadline until = {}) const;

  [[nodiscard]] std::size_t size() const noexcept; // bytes that are there now
  void close() const noexcept;
  void fail(const error& e) const noexcept; // e is what the writer is told

private:
  friend struct byte_pipe;
  std::shared_ptr<detail::pipe_state> state_;
};

class byte_pipe_writer {
public:
  byte_pipe_writer() noexcept = default; // every operation: errc::closed
  byte_pipe_writer(byte_pipe_writer&&) noexcept = default;
  byte_pipe_writer& operator=(byte_pipe_writer&& other) noexcept {
    if (this != &other) {
      drop();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~byte_pipe_writer() { drop(); }

  // Writes as much as has room, at least one byte.
  result<std::size_t> write_some(const_buffer from, deadline until = {}) const;
  // Writes all. On errors `transferred` bytes are in the pipe.
  result<void> write_all(const_buffer from, deadline until = {}) const;

  void close() const noexcept;              // that was all
  void fail(const error& e) const noexcept; // it was not: e is what the reader is told

private:
  friend struct byte_pipe;
  void drop() noexcept;
  std::shared_ptr<detail::pipe_state> state_;
};

// Both ends; auto [in, out] takes them apart.
struct byte_pipe {
  explicit byte_pipe(std::size_t high_water = 64 << 10);

  byte_pipe_reader reader;
  byte_pipe_writer writer;
};

} // namespace thrum::io
