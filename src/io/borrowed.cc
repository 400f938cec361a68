// Descriptors that are somebody else's.
//
// The problem. The poller keeps a descriptor by its number and its file. Of a number that is not ours, nobody tells us when it is
// closed, or given to another file: then a wait would be for something else, and the registration of the old file, which a forked child
// may keep alive, could not be taken out any more. And two fibers that wait for one number would register it twice, which fails.
//
// The way taken: what waits has a duplicate. Its number is ours, so that everything in descriptor.h holds; the file stays open as long as
// it is waited for. A wait takes a few system calls more for that, which is why what can be had without waiting is tried before.
//
// That the file blocks or not is a property it shares with its owner. So it is never changed: sockets have a flag for each call, and of
// what does not block by itself nothing is to be feared; everything else is asked before each call (medium).
//
// Of a regular file no duplicate is made, if that can be avoided: to close one drops the record locks that the process has there.
//
// Rejected
//   - poll(2) in a blocking region: a thread for each wait.
//   - registrations that last, found by number: a closed number that was given out again looks as before.
#include "io/disk_read.h"
#include "io/fresh_descriptor.h"
#include "io/operation.h"
#include "io/transfer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

#include <thrum/io/borrowed.h>

namespace thrum::io {

namespace {

subject number(int fd) noexcept {
  return subject(fd, [](const unsigned char* bytes, std::string& out) {
    int n;
    __builtin_memcpy(&n, bytes, sizeof n);
    out += "descriptor " + std::to_string(n);
  });
}

medium medium_of(env::world& world, int fd, const env::file_facts& facts) noexcept {
  if (S_ISREG(facts.mode) || S_ISDIR(facts.mode) || S_ISBLK(facts.mode)) return medium::file;
  if (S_ISSOCK(facts.mode)) return medium::shared_socket;
  const int flags = world.flags_of(fd);
  return flags >= 0 && (flags & O_NONBLOCK) != 0 ? medium::pipe : medium::shared;
}

constexpr const char* wait_names[] = {"wait to read", "wait to write"};
constexpr const char* name_of(direction way) noexcept { return wait_names[static_cast<unsigned>(way)]; }

// 0: ready. Otherwise a negative errno: -EAGAIN, not yet.
std::int64_t look(env::world& world, int fd, direction way) noexcept {
  const env::readiness now = world.look(fd);
  return (way == direction::in ? now.readable : now.writable) ? 0 : not_now(world, fd, way);
}

result<void> wait_for(descriptor* d, direction way, deadline until) {
  if (d == nullptr) return closed_error(name_of(way), d);
  operation op(*d, way, until.time());
  const std::int64_t n = op.run(0, [&] { return look(*d->world, d->fd, way); });
  if (n < 0) return failed(name_of(way), *d, op, n);
  return {};
}

// A call that needs no turn, as there is nobody to take turns with. -EAGAIN: not now.
template <class Call> std::int64_t try_now(Call call) {
  std::int64_t n;
  do n = call();
  while (n == -EINTR);
  return n;
}

// Of a number that is not open, poll says that it is ready: so it is asked for, and for its direction, first.
int facts_in(env::world& world, int fd, direction way, env::file_facts* out) noexcept {
  const int flags = world.flags_of(fd);
  if (flags < 0) return flags;
  return goes(flags, way) ? world.facts_of(fd, out) : -EBADF;
}

result<void> wait_for(int fd, direction way, deadline until) {
  env::world& world = world_here();
  env::file_facts facts;
  if (const int error = facts_in(world, fd, way, &facts); error != 0)
    return system_error(name_of(way), number(fd), error);
  if (medium_of(world, fd, facts) == medium::file || look(world, fd, way) == 0) return {};
  const result<borrowed> b = borrowed::from(fd);
  if (!b) return b.error();
  return wait_for(descriptor_of(*b), way, until);
}

} // namespace

result<borrowed> borrowed::from(int fd) {
  env::world& world = world_here();
  env::file_facts facts;
  if (const int error = world.facts_of(fd, &facts); error != 0)
    return system_error("borrow", number(fd), error);
  fresh_descriptor ours(world, world.duplicate(fd));
  descriptor* d = nullptr;
  const int error = ours.open_even_a_device(
      {.is_stream = false, .through = medium_of(world, fd, facts), .world = &world, .about = number(fd)}, &d);
  if (error != 0) return system_error("borrow", number(fd), error);
  return borrowed(d);
}

result<void> borrowed::wait_readable(deadline until) const { return wait_for(get(), direction::in, until); }
result<void> borrowed::wait_writable(deadline until) const { return wait_for(get(), direction::out, until); }

result<void> wait_readable(int fd, deadline until) { return wait_for(fd, direction::in, until); }
result<void> wait_writable(int fd, deadline until) { return wait_for(fd, direction::out, until); }

result<std::size_t> read(int fd, mutable_buffer into, deadline until) {
  env::world& world = world_here();
  env::file_facts facts;
  if (const int error = facts_in(world, fd, direction::in, &facts); error != 0)
    return system_error("read", number(fd), error);
  if (into.size() == 0) return std::size_t{0};
  const std::size_t most = std::min(into.size(), most_at_once);
  const medium through = medium_of(world, fd, facts);
  const std::int64_t n =
      try_now([&] { return read_now(world, fd, through, into.data(), most, until.time()); });
  if (n == read_stopped) throw_read_stopped();
  if (n == read_late) return error{.code = errc::deadline, .operation = "read", .about = number(fd)};
  if (n >= 0) return static_cast<std::size_t>(n);
  if (n != -EAGAIN) return system_error("read", number(fd), n);
  const result<borrowed> b = borrowed::from(fd);
  if (!b) return b.error();
  return b->read_some(into, until);
}

result<void> write(int fd, const_buffer from, deadline until) {
  env::world& world = world_here();
  env::file_facts facts;
  if (const int error = facts_in(world, fd, direction::out, &facts); error != 0)
    return system_error("write", number(fd), error);
  const auto* data = static_cast<const char*>(from.data());
  const medium through = medium_of(world, fd, facts);
  std::size_t done = 0;
  while (done < from.size()) {
    const std::size_t some = std::min(from.size() - done, most_at_once);
    const std::int64_t n = try_now([&] { return write_now(world, fd, through, data + done, some); });
    if (n == -EAGAIN) break;
    if (n < 0) {
      error e = system_error("write", number(fd), n);
      e.transferred = done;
      return e;
    }
    done += static_cast<std::size_t>(n);
  }
  if (done == from.size()) return {};
  const result<borrowed> b = borrowed::from(fd);
  if (b) return write_rest(descriptor_of(*b), from, done, until);
  error e = b.error();
  e.transferred = done;
  return e;
}

} // namespace thrum::io
