// A byte_pipe is a ring of high_water bytes between two counters that only grow: `written` and `read`.
//
// Operations of one end take turns, so the one that has the turn is the only one that moves its counter. It therefore copies
// outside the lock: a writer into the part that is free, a reader from the part that is full, which the other side
// leaves alone until the counter has moved. So a long copy does not hold up the other end. The lock is held for the counters only.
//
// Who waits for a turn is not told of a close; but who has it is, and gives it on.
//
// Invariants, whenever the lock is free
//   0 <= written - read <= capacity
//   an end that is closed stays closed; an outcome is set before or with its closing, once
#include "env/panic.h"
#include "io/turn.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <type_traits>

#include <thrum/condition_variable.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/mutex.h>
#include <thrum/semaphore.h>

namespace thrum {
namespace detail {

namespace {

using io::errc;
using io::error;
using io::point;
using io::result;

error made(std::error_code code, const char* operation) noexcept {
  return {.code = code, .operation = operation, .about = io::subject::named("pipe"), .causes = {}};
}

} // namespace

struct pipe_state {
  // What the operations of one end have in common. Guarded, but for `turns`.
  struct side {
    binary_semaphore turns{1};
    condition_variable changed; // there is something to do for this end, or it is over
    bool closed = false;
    std::optional<error> told; // by the other end's fail(): for this one's operations
  };

  explicit pipe_state(std::size_t high_water)
      : ring(std::make_unique_for_overwrite<char[]>(high_water)), capacity(high_water) {}

  mutex lock; // of all but the ring; see the head of this file
  side reader;
  side writer;
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  const std::unique_ptr<char[]> ring;
  const std::size_t capacity;

  // Both with the turn. 0: the end.
  result<std::size_t> read_step(void* into, std::size_t size, io::deadline until);
  result<std::size_t> write_step(const void* from, std::size_t size, io::deadline until);
  void close(side& mine, side& other, std::error_code code, const error* why) noexcept;

private:
  // Calls f(memory, n) for the one or two pieces of the ring behind position `at`.
  template <class F> void pieces(std::uint64_t at, std::size_t size, F f) const {
    const std::size_t offset = at % capacity;
    const std::size_t first = std::min(size, capacity - offset);
    f(ring.get() + offset, std::size_t{0}, first);
    if (first < size) f(ring.get(), first, size - first);
  }
};

result<std::size_t> pipe_state::read_step(void* into, std::size_t size, io::deadline until) {
  std::unique_lock hold(lock);
  const auto ready = [&] { return reader.closed || written != read || writer.closed; };
  if (!reader.changed.wait_until(hold, point(until), ready)) return made(errc::deadline, "read");
  if (reader.closed) return made(errc::closed, "read");
  const std::uint64_t at = read;
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, written - at));
  if (n == 0) {
    if (reader.told) return *reader.told;
    return std::size_t{0};
  }
  hold.unlock();
  pieces(at, n, [&](const char* memory, std::size_t done, std::size_t length) {
    std::memcpy(static_cast<char*>(into) + done, memory, length);
  });
  hold.lock();
  read += n;
  writer.changed.notify_one();
  return n;
}

result<std::size_t> pipe_state::write_step(const void* from, std::size_t size, io::deadline until) {
  std::unique_lock hold(lock);
  const auto ready = [&] { return writer.closed || reader.closed || written - read < capacity; };
  if (!writer.changed.wait_until(hold, point(until), ready)) return made(errc::deadline, "write");
  if (writer.closed) return made(errc::closed, "write");
  if (reader.closed)
    return writer.told ? *writer.told : made(make_error_code(std::errc::broken_pipe), "write");
  const std::uint64_t at = written;
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, capacity - (at - read)));
  hold.unlock();
  pieces(at, n, [&](char* memory, std::size_t done, std::size_t length) {
    std::memcpy(memory, static_cast<const char*>(from) + done, length);
  });
  hold.lock();
  written += n;
  reader.changed.notify_one();
  return n;
}

void pipe_state::close(side& mine, side& other, std::error_code code, const error* why) noexcept {
  const std::lock_guard hold(lock);
  if (mine.closed) return;
  mine.closed = true;
  if (why != nullptr)
    other.told = *why;
  else if (code)
    other.told = made(code, "read");
  mine.changed.notify_all();
  other.changed.notify_all();
}

namespace {

// Steps until all is done. 0 from a step: the end.
template <class Step> result<void> repeat(std::size_t size, const char* operation, Step step) {
  std::size_t done = 0;
  try {
    while (done < size) {
      const result<std::size_t> n = step(done);
      if (n && *n != 0) {
        done += *n;
        continue;
      }
      error e = n ? made(errc::end_of_stream, operation) : n.error();
      e.transferred = done;
      return e;
    }
  } catch (const cancelled& c) {
    if (done == 0) throw;
    throw io::cancelled_transfer(c.reason(), done);
  }
  return {};
}

} // namespace
} // namespace detail

namespace io {

using detail::made;

result<std::size_t> byte_pipe_reader::read_some(mutable_buffer into, deadline until) const {
  if (state_ == nullptr) return made(errc::closed, "read");
  if (into.size() == 0) return std::size_t{0};
  const turn mine(state_->reader.turns, until);
  if (!mine) return made(errc::deadline, "read");
  return state_->read_step(into.data(), into.size(), until);
}

result<void> byte_pipe_reader::read_exactly(mutable_buffer into, deadline until) const {
  if (state_ == nullptr) return made(errc::closed, "read");
  const turn mine(state_->reader.turns, until);
  if (!mine) return made(errc::deadline, "read");
  return detail::repeat(into.size(), "read", [&](std::size_t done) {
    return state_->read_step(static_cast<char*>(into.data()) + done, into.size() - done, until);
  });
}

std::size_t byte_pipe_reader::size() const noexcept {
  if (state_ == nullptr) return 0;
  const std::lock_guard hold(state_->lock);
  return static_cast<std::size_t>(state_->written - state_->read);
}

void byte_pipe_reader::close() const noexcept {
  if (state_ != nullptr) state_->close(state_->reader, state_->writer, {}, nullptr);
}
void byte_pipe_reader::fail(const error& e) const noexcept {
  if (state_ != nullptr) state_->close(state_->reader, state_->writer, {}, &e);
}

result<std::size_t> byte_pipe_writer::write_some(const_buffer from, deadline until) const {
  if (state_ == nullptr) return made(errc::closed, "write");
  if (from.size() == 0) return std::size_t{0};
  const turn mine(state_->writer.turns, until);
  if (!mine) return made(errc::deadline, "write");
  return state_->write_step(from.data(), from.size(), until);
}

result<void> byte_pipe_writer::write_all(const_buffer from, deadline until) const {
  if (state_ == nullptr) return made(errc::closed, "write");
  const turn mine(state_->writer.turns, until);
  if (!mine) return made(errc::deadline, "write");
  return detail::repeat(from.size(), "write", [&](std::size_t done) {
    return state_->write_step(static_cast<const char*>(from.data()) + done, from.size() - done, until);
  });
}

void byte_pipe_writer::close() const noexcept {
  if (state_ != nullptr) state_->close(state_->writer, state_->reader, {}, nullptr);
}
void byte_pipe_writer::fail(const error& e) const noexcept {
  if (state_ != nullptr) state_->close(state_->writer, state_->reader, {}, &e);
}
void byte_pipe_writer::drop() noexcept {
  if (state_ != nullptr)
    state_->close(state_->writer, state_->reader, make_error_code(std::errc::broken_pipe), nullptr);
}

byte_pipe::byte_pipe(std::size_t high_water) {
  if (high_water == 0) env::panic("a byte_pipe with a high-water mark of zero", "nothing could pass");
  reader.state_ = std::make_shared<detail::pipe_state>(high_water);
  writer.state_ = reader.state_;
}

} // namespace io
} // namespace thrum
