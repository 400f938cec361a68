#include "io/back_off.h"
#include "io/operation.h"
#include "net/socket.h"
#include "net/unix_address.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include <thrum/blocking.h>

namespace thrum::net {

namespace {

using io::direction;

constexpr std::size_t most_descriptors = 253; // in one message (the kernel's SCM_MAX_FD)

// The message that carries descriptors: one byte, and them beside it.
struct carrier {
  char byte = 0;
  ::iovec part = {.iov_base = &byte, .iov_len = 1};
  ::msghdr message = {};
  alignas(::cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)];

  carrier() noexcept { reset(0); }
  void reset(std::size_t control_size) noexcept {
    message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control_size != 0 ? control : nullptr;
    message.msg_controllen = control_size;
  }
};

io::result<void> send_number(io::descriptor* d, int fd, io::deadline until) {
  carrier c;
  c.reset(CMSG_SPACE(sizeof fd));
  std::memset(c.control, 0, CMSG_SPACE(sizeof fd));
  ::cmsghdr* head = CMSG_FIRSTHDR(&c.message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  io::operation op(*d, direction::out, until.time());
  const std::int64_t n = op.run(0, [&] { return d->world->send_message(d->fd, &c.message, 0); });
  if (n < 0) return io::failed("send descriptor to", *d, op, n);
  return {};
}

// What came with a message. More than one is nobody's: closed.
struct arrived {
  int first = -1;
  std::size_t count = 0;
};

arrived unpack(env::world& world, ::msghdr& message) noexcept {
  arrived all;
  for (::cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < n; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      if (all.count++ == 0)
        all.first = fd;
      else
        world.close(fd);
    }
  }
  return all;
}

io::error passing_error(const io::descriptor& d, std::error_code code) noexcept {
  return {.code = code, .operation = "receive descriptor from", .about = d.about};
}

} // namespace

void passed_descriptor::close_it() noexcept { world_->close(std::exchange(fd_, -1)); }

io::result<unix_stream> unix_stream::connect(const unix_address& to, io::deadline until) {
  const io::subject about = subject_of(to);
  env::world& world = io::runtime_here().world;
  fresh_socket fresh(world, world.socket(AF_UNIX, SOCK_STREAM, 0, nullptr));
  if (fresh.fd() < 0) return io::system_error("connect", about, fresh.fd());
  const unix_socket_address address(to);
  // While the listener's queue is full, the kernel says EAGAIN, and would tell nobody of its end.
  io::back_off pause(until, longest_unix_pause);
  int begun;
  while ((begun = blocking([&] { return world.connect(fresh.fd(), address.raw(), address.size); })) ==
             -EAGAIN ||
         begun == -EINTR) {
    if (begun == -EAGAIN && !pause.wait())
      return io::error{.code = io::errc::deadline, .operation = "connect", .about = about};
  }
  io::descriptor* d = nullptr;
  if (begun == 0) begun = fresh.open({.asks = true, .about = about}, &d);
  if (begun != 0) return io::system_error("connect", about, begun);
  return unix_stream(d);
}

io::result<unix_stream> unix_stream::connect(std::string_view to, io::deadline until) {
  if (const auto parsed = unix_address::parse(to)) return connect(*parsed, until);
  return no_unix_address("connect", to);
}

io::result<std::pair<unix_stream, unix_stream>> unix_stream::pair() {
  return connected_pair(SOCK_STREAM, [](io::descriptor* d) { return unix_stream(d); });
}

io::result<void> unix_stream::shutdown_write() const {
  return control(get(), "shutdown", [](env::world& world, int fd) { return world.shutdown(fd, SHUT_WR); });
}
io::result<void> unix_stream::shutdown_read() const {
  return control(get(), "shutdown", [](env::world& world, int fd) { return world.shutdown(fd, SHUT_RD); });
}

io::result<credentials> unix_stream::peer_credentials() const {
  ::ucred who = {};
  auto done = control(get(), "peer credentials of", [&](env::world& world, int fd) {
    unsigned size = sizeof who;
    return world.get_option(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
  });
  if (!done) return done.error();
  return credentials{.process = who.pid, .user = who.uid, .group = who.gid};
}

io::result<void> unix_stream::send_descriptor(int fd, io::deadline until) const {
  if (get() == nullptr) return io::closed_error("send descriptor to", nullptr);
  return send_number(get(), fd, until);
}

io::result<void> unix_stream::send_descriptor(const io::handle& h, io::deadline until) const {
  if (get() == nullptr) return io::closed_error("send descriptor to", nullptr);
  const io::use passed(descriptor_of(h)); // the number stays what it is for as long as we wait
  if (passed.standing() != io::status::ok) return io::closed_error("send descriptor", descriptor_of(h));
  return send_number(get(), passed.fd(), until);
}

// Looks before it takes. The look gives us a descriptor of our own for what the message still holds, or tells that there is no
// number left for one; only when we have it is the message taken, with what it holds. So at no point is there nobody who
// has it, and whoever fails or is stopped in between has taken nothing.
io::result<passed_descriptor> unix_stream::receive_descriptor(io::deadline until) const {
  io::descriptor* d = get();
  if (d == nullptr) return io::closed_error("receive descriptor from", d);
  env::world& world = *d->world;
  carrier c;
  io::operation op(*d, direction::in, until.time());
  std::int64_t n = op.step(0, [&] {
    c.reset(sizeof c.control);
    return world.receive_message(d->fd, &c.message, MSG_PEEK);
  });
  if (n < 0) return io::failed("receive descriptor from", *d, op, n);
  if (n == 0) return passing_error(*d, io::errc::end_of_stream);
  const arrived all = unpack(world, c.message);
  passed_descriptor passed(&world, all.first);
  if ((c.message.msg_flags & MSG_CTRUNC) != 0)
    return passing_error(*d, std::make_error_code(std::errc::too_many_files_open));
  if (all.count != 1) return passing_error(*d, std::make_error_code(std::errc::bad_message));
  n = op.step(0, [&] {
    c.reset(0);
    return world.receive_message(d->fd, &c.message, 0);
  });
  if (n < 0) return io::failed("receive descriptor from", *d, op, n);
  return passed;
}

io::result<unix_address> unix_stream::local_address() const { return unix_local_address_of(get()); }
io::result<unix_address> unix_stream::peer_address() const { return unix_peer_address_of(get()); }

} // namespace thrum::net
