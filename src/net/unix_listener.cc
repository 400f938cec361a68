#include "io/operation.h"
#include "net/socket.h"
#include "net/socket_file.h"
#include "net/unix_address.h"

#include <sys/socket.h>

namespace thrum::net {

unix_listener::unix_listener() noexcept = default;
unix_listener::unix_listener(unix_listener&&) noexcept = default;
unix_listener::~unix_listener() =
    default; // the file first: nobody is to find one behind which nobody listens
unix_listener::unix_listener(io::descriptor* d, std::unique_ptr<socket_file> file) noexcept
    : handle(d), file_(std::move(file)) {}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
  if (this != &other) {
    file_ = std::move(other.file_);
    handle::operator=(std::move(other));
  }
  return *this;
}

io::result<unix_listener> unix_listener::listen(const unix_address& at, const unix_options& options) {
  io::subject about = subject_of(at);
  env::world& world = io::runtime_here().world;
  fresh_socket fresh(world, world.socket(AF_UNIX, SOCK_STREAM, 0, nullptr));
  if (fresh.fd() < 0) return io::system_error("listen", about, fresh.fd());
  std::unique_ptr<socket_file> file;
  int error = bind_to_file(world, fresh, SOCK_STREAM, at, options, &file);
  if (error == 0) error = world.listen(fresh.fd(), options.backlog);
  io::descriptor* d = nullptr;
  if (error == 0) error = fresh.open({.is_stream = false, .about = about}, &d);
  if (error != 0) return io::system_error("listen", about, error);
  if (file && !options.unlink_on_close) {
    file->keep();
    file.reset();
  }
  return unix_listener(d, std::move(file));
}

io::result<unix_listener> unix_listener::listen(std::string_view at, const unix_options& options) {
  if (const auto parsed = unix_address::parse(at)) return listen(*parsed, options);
  return no_unix_address("listen", at);
}

io::result<unix_stream> unix_listener::accept(io::deadline until) const {
  io::descriptor* d = get();
  if (d == nullptr) return io::closed_error("accept", d);
  env::world& world = *d->world;
  io::operation op(*d, io::direction::in, until.time());
  const std::int64_t n = op.run(0, [&] {
    int fd;
    do { fd = world.accept(d->fd, nullptr, nullptr, nullptr); } while (concerns_one_connection(fd));
    return fd;
  });
  if (n < 0) return io::failed("accept", *d, op, n);
  fresh_socket fresh(world, static_cast<int>(n));
  io::descriptor* made = nullptr;
  // Who connects has no name, as a rule; the listener's says more.
  const int error = fresh.open({.core = io::runtime_next_to(*d), .about = d->about}, &made);
  if (error != 0) return io::system_error("accept", d->about, error);
  return unix_stream(made);
}

void unix_listener::close() const noexcept {
  if (file_) file_->remove();
  handle::close();
}

io::result<unix_address> unix_listener::local_address() const { return unix_local_address_of(get()); }

} // namespace thrum::net
