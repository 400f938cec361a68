// Events of inotify, one at a time.
//
// The kernel gives as many events as fit into the buffer. To keep those that nobody asked for yet, a watch would need a queue with a
// lock, and `readable` would have to know of it, for the kernel has nothing more to say about them. So exactly one is read: the kernel
// refuses a buffer that is too small for the next event (EINVAL), and takes nothing then. An event has 16 bytes and a name that is
// filled up to a multiple of 16; so buffers of 16, 32, 48 ... bytes are tried, and the first that is large enough holds one
// event and no more: two would need at least 16 bytes for the second, and then the buffer before had been enough for the first.
#include "io/fresh_descriptor.h"
#include "io/operation.h"
#include "io/path.h"
#include "io/transfer.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <sys/inotify.h>

#include <thrum/blocking.h>
#include <thrum/io/watch.h>

namespace thrum::io {

namespace {

constexpr std::size_t step = sizeof(inotify_event);
constexpr std::size_t largest = step + (NAME_MAX + 1 + step - 1) / step * step;
static_assert(step == 16);
static_assert(static_cast<std::uint32_t>(changes::all) == IN_ALL_EVENTS &&
              static_cast<std::uint32_t>(changes::ended) == IN_IGNORED && IN_Q_OVERFLOW == 0x4000 &&
              IN_ISDIR == 0x4000'0000);

} // namespace

result<watch> watch::open() {
  env::world& world = world_here();
  const subject about = subject::named("a watch");
  fresh_descriptor fresh(world, world.open_events());
  descriptor* d = nullptr;
  const int error = fresh.open({.is_stream = false, .through = medium::pipe, .about = about}, &d);
  if (error != 0) return system_error("make", about, error);
  return watch(d);
}

result<int> watch::add(const std::string& path, changes what) const {
  const use in_use(get());
  if (in_use.standing() != status::ok) return closed_error("watch", get());
  const int id = has_zero(path) ? -EINVAL : blocking([&] {
    return in_use.world().add_events(in_use.fd(), path.c_str(), static_cast<std::uint32_t>(what));
  });
  if (id < 0) return system_error("watch", subject::path(path), id);
  return id;
}

result<void> watch::remove(int id) const {
  const use in_use(get());
  if (in_use.standing() != status::ok) return closed_error("end watching in", get());
  const int error = in_use.world().remove_events(in_use.fd(), id);
  if (error < 0) return system_error("end watching in", get()->about, error);
  return {};
}

result<change> watch::next(deadline until) const {
  descriptor* d = get();
  if (d == nullptr) return closed_error("next change of", d);
  alignas(inotify_event) char buffer[largest];
  operation op(*d, direction::in, until.time());
  const std::int64_t n = op.run(0, [&] {
    std::int64_t got = -EINVAL;
    for (std::size_t size = step; got == -EINVAL && size <= largest; size += step)
      got = d->world->read(d->fd, buffer, size);
    return got;
  });
  if (n < 0) return failed("next change of", *d, op, n);
  inotify_event event;
  std::memcpy(&event, buffer, sizeof event);
  change c{.id = event.wd, .bits = event.mask, .cookie = event.cookie, .name = {}};
  if (event.len != 0) c.name = buffer + sizeof event; // ends with a zero
  return c;
}

} // namespace thrum::io
