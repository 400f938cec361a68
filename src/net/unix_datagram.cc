#include "io/back_off.h"
#include "net/datagram.h"
#include "net/socket.h"
#include "net/socket_file.h"
#include "net/unix_address.h"

#include <sys/socket.h>

#include <thrum/blocking.h>

namespace thrum::net {

unix_datagram::unix_datagram() noexcept = default;
unix_datagram::unix_datagram(unix_datagram&&) noexcept = default;
unix_datagram::~unix_datagram() = default;
unix_datagram::unix_datagram(io::descriptor* d, std::unique_ptr<socket_file> file) noexcept
    : handle(d), file_(std::move(file)) {}

unix_datagram& unix_datagram::operator=(unix_datagram&& other) noexcept {
  if (this != &other) {
    file_ = std::move(other.file_);
    handle::operator=(std::move(other));
  }
  return *this;
}

io::result<unix_datagram> unix_datagram::bind(const unix_address& at, const unix_options& options) {
  const io::subject about = subject_of(at);
  env::world& world = io::runtime_here().world;
  fresh_socket fresh(world, world.socket(AF_UNIX, SOCK_DGRAM, 0, nullptr));
  if (fresh.fd() < 0) return io::system_error("bind", about, fresh.fd());
  std::unique_ptr<socket_file> file;
  int error = bind_to_file(world, fresh, SOCK_DGRAM, at, options, &file);
  io::descriptor* d = nullptr;
  if (error == 0) error = fresh.open({.is_stream = false, .about = about}, &d);
  if (error != 0) return io::system_error("bind", about, error);
  if (file && !options.unlink_on_close) {
    file->keep();
    file.reset();
  }
  return unix_datagram(d, std::move(file));
}

io::result<unix_datagram> unix_datagram::bind(std::string_view at, const unix_options& options) {
  if (const auto parsed = unix_address::parse(at)) return bind(*parsed, options);
  return no_unix_address("bind", at);
}

io::result<unix_datagram> unix_datagram::unbound() {
  env::world& world = io::runtime_here().world;
  fresh_socket fresh(world, world.socket(AF_UNIX, SOCK_DGRAM, 0, nullptr));
  int error = fresh.fd() < 0 ? fresh.fd() : 0;
  io::descriptor* d = nullptr;
  if (error == 0) error = fresh.open({.is_stream = false}, &d);
  if (error != 0) return io::system_error("make a socket", {}, error);
  return unix_datagram(d, nullptr);
}

io::result<std::pair<unix_datagram, unix_datagram>> unix_datagram::pair() {
  return connected_pair(SOCK_DGRAM, [](io::descriptor* d) { return unix_datagram(d, nullptr); });
}

io::result<void> unix_datagram::set_peer(const unix_address& to) const {
  const unix_socket_address address(to);
  auto done = control(get(), "connect", [&](env::world& world, int fd) {
    return blocking([&] { return world.connect(fd, address.raw(), address.size); });
  });
  if (done) return {};
  io::error e = done.error();
  e.about = subject_of(to);
  return e;
}

io::result<unix_message> unix_datagram::receive_from(io::mutable_buffer into, io::deadline until) const {
  unix_socket_address from;
  const auto got = receive_datagram(get(), into, from.raw(), sizeof from.address, until);
  if (!got) return got.error();
  from.size = got->from_size;
  return unix_message{.size = got->size, .from = from.to_address(), .truncated = got->truncated};
}

io::result<void> unix_datagram::send_to(io::const_buffer from, const unix_address& to,
                                        io::deadline until) const {
  const unix_socket_address address(to);
  const io::subject about = subject_of(to);
  // The kernel says that the receiver is full, but not when it no longer is: that is told to its one peer only.
  for (io::back_off pause(until, longest_unix_pause);;) {
    const auto sent =
        send_datagram(get(), from, address.raw(), address.size, &about, until, when_full::say_so);
    if (sent || sent.error() != std::errc::no_buffer_space) return sent;
    if (!pause.wait()) return io::error{.code = io::errc::deadline, .operation = "send", .about = about};
  }
}

io::result<std::size_t> unix_datagram::receive(io::mutable_buffer into, io::deadline until) const {
  const auto got = receive_datagram(get(), into, nullptr, 0, until);
  if (!got) return got.error();
  return got->size;
}

io::result<void> unix_datagram::send(io::const_buffer from, io::deadline until) const {
  return send_datagram(get(), from, nullptr, 0, nullptr, until);
}

void unix_datagram::close() const noexcept {
  if (file_) file_->remove();
  handle::close();
}

io::result<unix_address> unix_datagram::local_address() const { return unix_local_address_of(get()); }

} // namespace thrum::net
