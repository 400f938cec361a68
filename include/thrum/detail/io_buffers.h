// Serves io/buffered.h, io/lines.h and io/copy.h: the parts that do not depend on the type of the stream (src/io/buffered.cc).
#pragma once

#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace thrum::io {

// What can be read from: at least one byte, or 0 at the end.
template <class S>
concept byte_source = requires(S& s, mutable_buffer into, deadline until) {
  { s.read_some(into, until) } -> std::same_as<result<std::size_t>>;
};
// What can be written to: takes at least one byte.
template <class S>
concept byte_sink = requires(S& s, const_buffer from, deadline until) {
  { s.write_some(from, until) } -> std::same_as<result<std::size_t>>;
};

} // namespace thrum::io

namespace thrum::detail {

// A stream of whatever type, for the time of a call.
struct source_ref {
  void* stream;
  io::result<std::size_t> (*read)(void* stream, io::mutable_buffer into, io::deadline until);

  io::result<std::size_t> read_some(io::mutable_buffer into, io::deadline until) const {
    return read(stream, into, until);
  }
};
template <io::byte_source S> source_ref refer_to_source(S& s) noexcept {
  return {const_cast<void*>(static_cast<const void*>(std::addressof(s))),
          [](void* stream, io::mutable_buffer into, io::deadline until) {
            return static_cast<S*>(stream)->read_some(into, until);
          }};
}

struct sink_ref {
  void* stream;
  io::result<std::size_t> (*write)(void* stream, io::const_buffer from, io::deadline until);

  io::result<std::size_t> write_some(io::const_buffer from, io::deadline until) const {
    return write(stream, from, until);
  }
};
template <io::byte_sink S> sink_ref refer_to_sink(S& s) noexcept {
  return {const_cast<void*>(static_cast<const void*>(std::addressof(s))),
          [](void* stream, io::const_buffer from, io::deadline until) {
            return static_cast<S*>(stream)->write_some(from, until);
          }};
}

// Bytes [begin, end) of a block that is made when it is first needed.
class byte_window {
public:
  explicit byte_window(std::size_t capacity) noexcept : capacity_(capacity) {}
  byte_window(byte_window&& other) noexcept
      : memory_(std::move(other.memory_)),
        capacity_(other.capacity_),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  byte_window& operator=(byte_window&& other) noexcept {
    memory_ = std::move(other.memory_);
    capacity_ = other.capacity_;
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    return *this;
  }
  ~byte_window() = default;

  [[nodiscard]] std::string_view view() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  // Free memory behind the bytes, at least one byte unless capacity are there; moves them to the front if need be.
  io::mutable_buffer room();
  void grow(std::size_t capacity); // does nothing if it is that large
  void add(std::size_t n) noexcept { end_ += n; }
  void drop(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

private:
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class read_buffer {
public:
  explicit read_buffer(std::size_t capacity);

  [[nodiscard]] std::string_view view() const noexcept { return bytes_.view(); }
  void skip(std::size_t n) noexcept; // panics if so many are not there

  // Reads once, at least one byte and at most `most`, behind what is there; 0: the end. Requires: there is room.
  io::result<std::size_t> fill(const source_ref& from, std::size_t most, io::deadline until);
  io::result<std::string_view> peek(const source_ref& from, std::size_t n, io::deadline until);
  io::result<std::size_t> read_some(const source_ref& from, io::mutable_buffer into, io::deadline until);
  io::result<void> read_exactly(const source_ref& from, io::mutable_buffer into, io::deadline until);
  io::result<std::string_view> read_until(const source_ref& from, char delimiter, std::size_t limit,
                                          io::deadline until);
  io::result<std::string_view> read_line(const source_ref& from, std::size_t limit, io::deadline until);

private:
  std::size_t take(io::mutable_buffer into) noexcept;

  byte_window bytes_;
};

class write_buffer {
public:
  explicit write_buffer(std::size_t capacity);

  [[nodiscard]] std::size_t unsent() const noexcept { return bytes_.size(); }

  io::result<std::size_t> write_some(const sink_ref& to, io::const_buffer from, io::deadline until);
  io::result<void> write_all(const sink_ref& to, io::const_buffer from, io::deadline until);
  io::result<void> flush(const sink_ref& to, io::deadline until);

private:
  io::result<std::size_t> send(const sink_ref& to, io::deadline until);

  byte_window bytes_;
};

io::result<std::size_t> copy_bytes(read_buffer& through, const source_ref& from, const sink_ref& to,
                                   std::size_t most, io::deadline until);

} // namespace thrum::detail
