#include "net/unix_address.h"

#include "io/transfer.h"
#include "net/socket.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace thrum::net {

static_assert(sizeof(sockaddr_un::sun_path) == unix_address::longest + 1);

namespace {

constexpr unsigned before_path = offsetof(sockaddr_un, sun_path);

io::subject shown(std::string_view text) noexcept {
  constexpr std::string_view dots = "...";
  constexpr std::size_t room = io::subject::room - 1;
  if (text.size() <= room) return io::subject::named(text);
  char end[room];
  std::memcpy(end, dots.data(), dots.size());
  std::memcpy(end + dots.size(), text.data() + text.size() - (room - dots.size()), room - dots.size());
  return io::subject::named({end, room});
}

template <class Get> io::result<unix_address> address_by(io::descriptor* d, const char* name, Get get) {
  unix_socket_address a;
  auto done = control(d, name, [&](env::world& world, int fd) { return get(world, fd, a); });
  if (!done) return done.error();
  return a.to_address();
}

} // namespace

std::optional<unix_address> unix_address::parse(std::string_view text) noexcept {
  const bool abstract = text.starts_with('@');
  if (text.size() > longest + (abstract ? 1 : 0) || text.empty() || text == "@") return std::nullopt;
  if (!abstract && text.find('\0') != text.npos) return std::nullopt;
  unix_address a;
  std::memcpy(a.bytes_.data(), text.data(), text.size());
  if (abstract) a.bytes_[0] = '\0';
  a.size_ = static_cast<std::uint8_t>(text.size());
  return a;
}

std::string unix_address::to_string() const {
  std::string text(bytes_.data(), size_);
  if (is_abstract()) text[0] = '@';
  return text;
}

unix_socket_address::unix_socket_address(const unix_address& a) noexcept {
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, a.bytes_.data(), a.bytes_.size());
  size = before_path + a.size_ + (a.is_path() ? 1u : 0u);
}

unix_address unix_socket_address::to_address() const noexcept {
  unix_address a;
  if (size <= before_path) return a;
  std::size_t length = size - before_path;
  if (length > sizeof address.sun_path) length = sizeof address.sun_path;
  if (address.sun_path[0] != '\0')
    length = static_cast<std::size_t>(std::find(address.sun_path, address.sun_path + length, '\0') -
                                      address.sun_path);
  std::memcpy(a.bytes_.data(), address.sun_path, length);
  a.size_ = static_cast<std::uint8_t>(length);
  return a;
}

io::subject subject_of(const unix_address& a) noexcept {
  if (a.is_none()) return {};
  // Made here, because to_string() allocates.
  const unix_socket_address raw(a);
  char text[unix_address::longest + 1];
  std::size_t size = raw.size - before_path;
  if (a.is_path()) --size;
  std::memcpy(text, raw.path(), size);
  if (a.is_abstract()) text[0] = '@';
  return shown({text, size});
}

io::error no_unix_address(const char* operation, std::string_view text) noexcept {
  const bool too_long = text.size() > unix_address::longest;
  return io::system_error(operation, shown(text), too_long ? -ENAMETOOLONG : -EINVAL);
}

io::result<unix_address> unix_local_address_of(io::descriptor* d) {
  return address_by(d, "local address of", [](env::world& world, int fd, unix_socket_address& a) {
    return world.local_address(fd, a.raw(), &a.size);
  });
}

io::result<unix_address> unix_peer_address_of(io::descriptor* d) {
  return address_by(d, "peer address of", [](env::world& world, int fd, unix_socket_address& a) {
    return world.peer_address(fd, a.raw(), &a.size);
  });
}

} // namespace thrum::net
