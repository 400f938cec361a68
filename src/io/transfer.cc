// Reading and writing through a descriptor: what streams of every kind have in common.
#include "io/transfer.h"

#include "io/disk_read.h"
#include "io/operation.h"
#include "sched/scheduler.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include <thrum/blocking.h>
#include <thrum/io/stream.h>

namespace thrum::io {

namespace {

// The kernel transfers at most 2 GiB less a page at a time; asking for less lets a short transfer be seen.
std::int64_t read_step(operation& op, descriptor& d, void* data, std::size_t size) {
  size = std::min(size, most_at_once);
  const std::int64_t n =
      op.step(size, [&] { return read_now(*d.world, d.fd, d.through, data, size, op.until()); });
  if (n == read_stopped) op.throw_stopped();
  return n == read_late ? op.be_late() : n;
}

std::int64_t write_step(operation& op, descriptor& d, const void* data, std::size_t size) {
  size = std::min(size, most_at_once);
  return op.step(size, [&] { return write_now(*d.world, d.fd, d.through, data, size); });
}

} // namespace

env::world& world_here() noexcept {
  const sched::worker* w = sched::try_this_worker();
  return w != nullptr ? w->runtime.world : env::linux_world();
}

bool goes(int flags, direction way) noexcept {
  const int access = flags & O_ACCMODE;
  return access == O_RDWR || access == (way == direction::in ? O_RDONLY : O_WRONLY);
}

std::int64_t not_now(env::world& world, int fd, direction way) noexcept {
  const int flags = world.flags_of(fd);
  if (flags < 0) return flags;
  return goes(flags, way) ? -EAGAIN : -EBADF;
}

std::int64_t read_now(env::world& world, int fd, medium through, void* data, std::size_t size,
                      detail::deadline_t until) {
  switch (through) {
  case medium::socket:
  case medium::pipe: break;
  case medium::shared_socket: return world.receive(fd, data, size);
  case medium::shared:
    // Somebody else may be quicker after the question: then this thread waits in the kernel, and nothing else.
    if (!world.look(fd).readable) return not_now(world, fd, direction::in);
    return blocking([&] { return world.read(fd, data, size); });
  case medium::file: return read_file(world, fd, data, size, env::world::own_position, until);
  }
  return world.read(fd, data, size);
}

std::int64_t write_now(env::world& world, int fd, medium through, const void* data, std::size_t size) {
  constexpr std::int64_t here = env::world::own_position;
  constexpr std::size_t pipe_room = 4096; // what a pipe that says it is writable has room for
  switch (through) {
  case medium::socket: break;
  case medium::pipe: return world.write_at(fd, data, size, here);
  case medium::shared_socket: return world.send(fd, data, size);
  case medium::shared:
    if (!world.look(fd).writable) return not_now(world, fd, direction::out);
    return blocking([&] { return world.write_at(fd, data, std::min(size, pipe_room), here); });
  case medium::file: return write_file(world, fd, data, size, here);
  }
  return world.write(fd, data, size);
}

std::int64_t read_file(env::world& world, int fd, void* data, std::size_t size, std::int64_t offset,
                       detail::deadline_t until) {
  // One system call without a flag is the quickest.
  if (!another_may_wait()) return world.read_at(fd, data, size, offset, false);
  // Only bytes are believed: some kernels answered 0 where they would have had to wait, and errors come again.
  const std::int64_t n = world.read_at(fd, data, size, offset, true);
  if (n > 0) return n;
  if (n == -EAGAIN && offset >= 0) {
    const std::int64_t got = read_from_disk(world, fd, data, size, offset, until);
    if (got != not_read) return got;
  } else if (n == -EAGAIN) {
    const std::int64_t there = bring_from_disk(world, fd, data, size, until);
    if (there > 0) return world.read_at(fd, data, static_cast<std::size_t>(there), offset, false);
    if (there != 0) return there;
  }
  return blocking([&] { return world.read_at(fd, data, size, offset, false); });
}

std::int64_t write_file(env::world& world, int fd, const void* data, std::size_t size, std::int64_t offset) {
  if (size <= small_write) return world.write_at(fd, data, size, offset);
  return blocking([&] { return world.write_at(fd, data, size, offset); });
}

result<void> write_rest(descriptor* d, const_buffer from, std::size_t done, deadline until) {
  if (d == nullptr) return closed_error("write", d);
  operation op(*d, direction::out, until.time());
  op.add_progress(done);
  const auto* data = static_cast<const char*>(from.data());
  while (op.transferred() < from.size()) {
    const std::int64_t n = write_step(op, *d, data + op.transferred(), from.size() - op.transferred());
    if (n < 0) return failed("write", *d, op, n);
    op.add_progress(static_cast<std::size_t>(n));
  }
  return {};
}

error system_error(const char* operation, const subject& about, std::int64_t errno_value) noexcept {
  return {.code = {static_cast<int>(-errno_value), std::system_category()},
          .operation = operation,
          .about = about};
}

error closed_error(const char* operation, const descriptor* d) noexcept {
  return {.code = errc::closed, .operation = operation, .about = d != nullptr ? d->about : subject()};
}

error failed(const char* name, const descriptor& d, const operation& op, std::int64_t result) noexcept {
  if (result != operation::no_result) {
    error e = system_error(name, d.about, result);
    e.transferred = op.transferred();
    return e;
  }
  return {
      .code = code_of(op.standing()), .operation = name, .about = d.about, .transferred = op.transferred()};
}

} // namespace thrum::io

namespace thrum::detail {

using namespace io;

result<std::size_t> read_some(descriptor* d, mutable_buffer into, deadline until) {
  if (d == nullptr) return closed_error("read", d);
  if (into.size() == 0) return std::size_t{0};
  operation op(*d, direction::in, until.time());
  const std::int64_t n = read_step(op, *d, into.data(), into.size());
  op.end();
  if (n < 0) return failed("read", *d, op, n);
  return static_cast<std::size_t>(n);
}

result<void> read_exactly(descriptor* d, mutable_buffer into, deadline until) {
  if (d == nullptr) return closed_error("read", d);
  operation op(*d, direction::in, until.time());
  auto* data = static_cast<char*>(into.data());
  while (op.transferred() < into.size()) {
    const std::int64_t n = read_step(op, *d, data + op.transferred(), into.size() - op.transferred());
    if (n < 0) return failed("read", *d, op, n);
    if (n == 0)
      return error{.code = errc::end_of_stream,
                   .operation = "read",
                   .about = d->about,
                   .transferred = op.transferred()};
    op.add_progress(static_cast<std::size_t>(n));
  }
  return {};
}

result<std::size_t> write_some(descriptor* d, const_buffer from, deadline until) {
  if (d == nullptr) return closed_error("write", d);
  if (from.size() == 0) return std::size_t{0};
  operation op(*d, direction::out, until.time());
  const std::int64_t n = write_step(op, *d, from.data(), from.size());
  op.end();
  if (n < 0) return failed("write", *d, op, n);
  return static_cast<std::size_t>(n);
}

result<void> write_all(descriptor* d, const_buffer from, deadline until) {
  return write_rest(d, from, 0, until);
}

} // namespace thrum::detail
