// Pipes, with and without a name.
//
// Opening a FIFO blocks by default until the other side is there, in a way that nothing but a signal ends. So both sides are
// opened without waiting. A reader needs no more: it waits for an edge before its first read, and none comes before somebody has
// written or gone. A writer is refused as long as nobody reads, and nothing tells when that changes: it asks again. (To hold the
// reading end as well would let it in at once, but then its own end would keep the pipe alive, and hide that nobody reads.)
#include "io/back_off.h"
#include "io/fresh_descriptor.h"
#include "io/path.h"
#include "io/transfer.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include <thrum/io/pipe.h>

namespace thrum::io {

struct pipe_maker {
  static pipe_reader reader(descriptor* d) noexcept { return pipe_reader(d); }
  static pipe_writer writer(descriptor* d) noexcept { return pipe_writer(d); }
};

namespace {

// Opens a FIFO, and nothing else, without waiting for the other side.
int open_fifo(env::world& world, const std::string& path, int access) noexcept {
  if (has_zero(path)) return -EINVAL;
  fresh_descriptor fresh(world, world.open_file(path.c_str(), access | O_NONBLOCK | O_NOCTTY, 0, false));
  if (fresh.fd() < 0) return fresh.fd();
  env::file_facts facts;
  if (const int error = world.facts_of(fresh.fd(), &facts); error != 0) return error;
  return S_ISFIFO(facts.mode) ? fresh.release() : -EINVAL;
}

} // namespace

result<pipe_ends> pipe() {
  env::world& world = world_here();
  int ends[2];
  if (const int error = world.make_pipe(ends); error != 0)
    return system_error("make", subject::named("a pipe"), error);
  fresh_descriptor in(world, ends[0]);
  fresh_descriptor out(world, ends[1]);
  pipe_ends made;
  descriptor* d = nullptr;
  const open_options options{.through = medium::pipe, .about = subject::named("a pipe")};
  if (const int error = in.open(options, &d); error != 0) return system_error("make", options.about, error);
  made.reader = pipe_maker::reader(d);
  if (const int error = out.open(options, &d); error != 0) return system_error("make", options.about, error);
  made.writer = pipe_maker::writer(d);
  return made;
}

result<void> make_fifo(const std::string& path, unsigned permissions) {
  const int error = has_zero(path) ? -EINVAL : world_here().make_fifo(path.c_str(), permissions);
  if (error != 0) return system_error("make pipe", subject::path(path), error);
  return {};
}

result<pipe_reader> open_fifo_reader(const std::string& path) {
  env::world& world = world_here();
  const subject about = subject::path(path);
  fresh_descriptor fresh(world, open_fifo(world, path, O_RDONLY));
  descriptor* d = nullptr;
  // Not ready until an edge says so: a read without a writer would say that the stream has ended.
  const int error =
      fresh.open({.ready = ready_bit(direction::out), .through = medium::pipe, .about = about}, &d);
  if (error != 0) return system_error("open", about, error);
  return pipe_maker::reader(d);
}

result<pipe_writer> open_fifo_writer(const std::string& path, deadline until) {
  env::world& world = world_here();
  const subject about = subject::path(path);
  back_off pause(until, std::chrono::milliseconds(32));
  int fd = open_fifo(world, path, O_WRONLY);
  while (fd == -ENXIO || fd == -EINTR) {
    if (!pause.wait()) return error{.code = errc::deadline, .operation = "open", .about = about};
    fd = open_fifo(world, path, O_WRONLY);
  }
  fresh_descriptor fresh(world, fd);
  descriptor* d = nullptr;
  if (const int error = fresh.open({.through = medium::pipe, .about = about}, &d); error != 0)
    return system_error("open", about, error);
  return pipe_maker::writer(d);
}

} // namespace thrum::io
