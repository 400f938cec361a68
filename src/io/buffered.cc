// What buffered readers and writers do, for streams of any type.
//
// A stop request throws `cancelled` out of the stream's wait. Whatever this file has done by then stands in the buffer, or, if it was
// given to the caller already, is counted in the cancelled_transfer that goes on instead.
#include "env/panic.h"

#include <algorithm>
#include <cstring>

#include <thrum/detail/io_buffers.h>
#include <thrum/this_fiber.h>

namespace thrum::detail {

using namespace io;

namespace {

// Calls f, and counts in what it throws what was done before.
template <class F> auto counting(const std::size_t& done, F f) -> decltype(f()) {
  try {
    return f();
  } catch (const cancelled& c) {
    if (done == 0) throw;
    throw cancelled_transfer(c.reason(), done);
  }
}

error after(error e, std::size_t done) noexcept {
  e.transferred = done;
  return e;
}

error end_of(std::size_t done) noexcept {
  return {.code = errc::end_of_stream, .operation = "read", .about = {}, .transferred = done, .causes = {}};
}

} // namespace

mutable_buffer byte_window::room() {
  if (memory_ == nullptr) memory_ = std::make_unique_for_overwrite<char[]>(capacity_);
  if (end_ == capacity_ && begin_ != 0) {
    std::memmove(memory_.get(), memory_.get() + begin_, size());
    end_ -= std::exchange(begin_, 0);
  }
  return {memory_.get() + end_, capacity_ - end_};
}

void byte_window::grow(std::size_t capacity) {
  if (capacity <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (size() != 0) std::memcpy(larger.get(), memory_.get() + begin_, size());
  memory_ = std::move(larger);
  capacity_ = capacity;
  end_ -= std::exchange(begin_, 0);
}

// ---- reading

read_buffer::read_buffer(std::size_t capacity) : bytes_(capacity) {
  if (capacity == 0) env::panic("a buffered_reader with no room", "it could never read anything");
}

void read_buffer::skip(std::size_t n) noexcept {
  if (n > bytes_.size()) env::panic("skip() of more bytes than buffered() has", "peek() before");
  bytes_.drop(n);
}

result<std::size_t> read_buffer::fill(const source_ref& from, std::size_t most, deadline until) {
  const mutable_buffer room = bytes_.room();
  auto n = from.read_some({room.data(), std::min(room.size(), most)}, until);
  if (n) bytes_.add(*n);
  return n;
}

result<std::string_view> read_buffer::peek(const source_ref& from, std::size_t n, deadline until) {
  bytes_.grow(n);
  while (bytes_.size() < n) {
    const auto got = fill(from, SIZE_MAX, until);
    if (!got) return got.error();
    if (*got == 0) break;
  }
  return bytes_.view().substr(0, n);
}

std::size_t read_buffer::take(mutable_buffer into) noexcept {
  const std::size_t n = std::min(into.size(), bytes_.size());
  if (n != 0) std::memcpy(into.data(), bytes_.view().data(), n);
  bytes_.drop(n);
  return n;
}

result<std::size_t> read_buffer::read_some(const source_ref& from, mutable_buffer into, deadline until) {
  if (bytes_.size() == 0 && into.size() != 0) {
    if (into.size() >= bytes_.capacity()) return from.read_some(into, until);
    auto n = fill(from, SIZE_MAX, until);
    if (!n || *n == 0) return n;
  }
  return take(into);
}

result<void> read_buffer::read_exactly(const source_ref& from, mutable_buffer into, deadline until) {
  std::size_t done = 0;
  return counting(done, [&]() -> result<void> {
    while (done < into.size()) {
      const auto n = read_some(from, {static_cast<char*>(into.data()) + done, into.size() - done}, until);
      if (!n) return after(n.error(), done);
      if (*n == 0) return end_of(done);
      done += *n;
    }
    return {};
  });
}

result<std::string_view> read_buffer::read_until(const source_ref& from, char delimiter, std::size_t limit,
                                                 deadline until) {
  std::size_t searched = 0;
  for (;;) {
    const std::string_view all = bytes_.view();
    const std::size_t found = all.find(delimiter, searched);
    if (std::min(found, all.size()) > limit)
      return error{.code = errc::too_long, .operation = "read", .about = {}, .causes = {}};
    if (found != std::string_view::npos) {
      bytes_.drop(found + 1);
      return all.substr(0, found + 1);
    }
    searched = all.size();
    if (searched == bytes_.capacity())
      bytes_.grow(searched <= limit / 2 ? 2 * searched : std::max(limit, searched) + 1);
    const auto n = fill(from, SIZE_MAX, until);
    if (!n) return n.error();
    if (*n != 0) continue;
    if (searched == 0) return end_of(0);
    const std::string_view rest = bytes_.view();
    bytes_.drop(rest.size());
    return rest;
  }
}

result<std::string_view> read_buffer::read_line(const source_ref& from, std::size_t limit, deadline until) {
  auto line = read_until(from, '\n', limit, until);
  if (line && line->ends_with('\n')) {
    line->remove_suffix(1);
    if (line->ends_with('\r')) line->remove_suffix(1);
  }
  return line;
}

// ---- writing

write_buffer::write_buffer(std::size_t capacity) : bytes_(capacity) {
  if (capacity == 0) env::panic("a buffered_writer with no room", "it could never write anything");
}

// Sends once.
result<std::size_t> write_buffer::send(const sink_ref& to, deadline until) {
  auto n = to.write_some(bytes_.view(), until);
  if (n) bytes_.drop(*n);
  return n;
}

result<void> write_buffer::flush(const sink_ref& to, deadline until) {
  std::size_t done = 0;
  return counting(done, [&]() -> result<void> {
    while (bytes_.size() != 0) {
      const auto n = send(to, until);
      if (!n) return after(n.error(), done);
      done += *n;
    }
    return {};
  });
}

result<std::size_t> write_buffer::write_some(const sink_ref& to, const_buffer from, deadline until) {
  if (from.size() == 0) return std::size_t{0};
  if (bytes_.size() == 0 && from.size() >= bytes_.capacity()) return to.write_some(from, until);
  if (bytes_.size() == bytes_.capacity())
    if (const auto n = send(to, until); !n) return n;
  const mutable_buffer room = bytes_.room();
  const std::size_t n = std::min(room.size(), from.size());
  std::memcpy(room.data(), from.data(), n);
  bytes_.add(n);
  return n;
}

result<void> write_buffer::write_all(const sink_ref& to, const_buffer from, deadline until) {
  std::size_t done = 0;
  return counting(done, [&]() -> result<void> {
    while (done < from.size()) {
      const auto n =
          write_some(to, {static_cast<const char*>(from.data()) + done, from.size() - done}, until);
      if (!n) return after(n.error(), done);
      done += *n;
    }
    return {};
  });
}

// ---- both

result<std::size_t> copy_bytes(read_buffer& through, const source_ref& from, const sink_ref& to,
                               std::size_t most, deadline until) {
  std::size_t done = 0;
  return counting(done, [&]() -> result<std::size_t> {
    while (done < most) {
      if (through.view().empty()) {
        this_fiber::check();
        const auto n = through.fill(from, most - done, until);
        if (!n) return after(n.error(), done);
        if (*n == 0) break;
      }
      const auto n = to.write_some(through.view().substr(0, most - done), until);
      if (!n) return after(n.error(), done);
      through.skip(*n);
      done += *n;
    }
    return done;
  });
}

} // namespace thrum::detail
