#include "sim/local.h"

#include "net/unix_address.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include <sys/socket.h>

namespace thrum::sim {

namespace {

constexpr std::size_t most_datagrams = 10;    // unread; net.unix.max_dgram_qlen
constexpr std::size_t most_untorn = PIPE_BUF; // bytes of a write to a pipe

// None, if it is no Unix address.
net::unix_address name_in(const ::sockaddr* address, unsigned size) noexcept {
  net::unix_socket_address a;
  if (address->sa_family != AF_UNIX) return {};
  a.size = std::min<unsigned>(size, sizeof a.address);
  std::memcpy(&a.address, address, a.size);
  return a.to_address();
}

} // namespace

// ---- making them

local::local(env::world& real, sockets& all, std::size_t buffer, std::uint64_t seed) noexcept
    : real_(real), all_(all), buffer_(std::max<std::size_t>(buffer, 1)), chance_(seed, drawn_by::local) {}

local::end& local::add(kind what) {
  auto made = std::make_unique<end>();
  made->what = what;
  made->family = AF_UNIX;
  made->buffer = buffer_;
  end& e = *made;
  all_.add(std::move(made), *this);
  return e;
}

void local::join(end& one, end& other) {
  one.at = other.at = stage::connected;
  one.other = other.number;
  other.other = one.number;
}

int local::make(int type) noexcept {
  if (type != SOCK_STREAM && type != SOCK_DGRAM) return -EPROTONOSUPPORT;
  return add(type == SOCK_STREAM ? kind::stream : kind::datagram).number;
}

int local::make_pair(int type, int* two) noexcept {
  two[0] = make(type);
  if (two[0] < 0) return two[0];
  two[1] = make(type);
  join(*find(two[0]), *find(two[1]));
  return 0;
}

int local::make_pipe(int* ends) noexcept {
  end& reader = add(kind::reader);
  end& writer = add(kind::writer);
  join(reader, writer);
  ends[0] = reader.number;
  ends[1] = writer.number;
  return 0;
}

// ---- names

int local::bind(int fd, const ::sockaddr* address, unsigned size) noexcept {
  end& e = *find(fd);
  const net::unix_address name = name_in(address, size);
  if (name.is_none() || !e.name.is_none()) return -EINVAL;
  if (!names_.try_emplace(name, named{.number = fd, .identity = ++bound_}).second) return -EADDRINUSE;
  e.name = name;
  return 0;
}

int local::identify(const char* path, env::file_identity* out) const noexcept {
  const auto found = names_.find(*net::unix_address::parse(path));
  if (found == names_.end()) return -ENOENT;
  *out = {.device = 0, .number = found->second.identity};
  return 0;
}

int local::remove_name(const char* path, const env::file_identity& which) noexcept {
  const auto found = names_.find(*net::unix_address::parse(path));
  if (found == names_.end()) return -ENOENT;
  if (found->second.identity != which.number) return -ESTALE;
  names_.erase(found);
  return 0;
}

// Who is to be found at a name; null: nobody, and why.
local::end* local::live_at(const net::unix_address& name, kind what, int& error) noexcept {
  const auto found = names_.find(name);
  if (found == names_.end()) {
    error = name.is_none() ? -EINVAL : name.is_path() ? -ENOENT : -ECONNREFUSED;
    return nullptr;
  }
  end* const e = found->second.number < 0 ? nullptr : find(found->second.number);
  error = e == nullptr ? -ECONNREFUSED : e->what != what ? -EPROTOTYPE : 0;
  return error == 0 ? e : nullptr;
}

int local::tell(const net::unix_address& name, ::sockaddr* address, unsigned* size) noexcept {
  const net::unix_socket_address a(name);
  std::memcpy(address, &a.address, std::min(*size, a.size));
  *size = a.size;
  return 0;
}

int local::local_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  return tell(find(fd)->name, address, size);
}

int local::peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  const end& e = *find(fd);
  return e.at == stage::connected ? tell(e.peer_name, address, size) : -ENOTCONN;
}

// ---- readiness and options

env::readiness local::look(int fd) noexcept {
  const end& e = *find(fd);
  const end* const peer = find(e.other);
  env::readiness r = {};
  r.tail = e.is_over();
  if (e.what == kind::datagram) {
    r.readable = !e.datagrams.empty() || e.in_shut;
    r.writable = peer == nullptr || takes(*peer);
    return r;
  }
  r.hangup = e.at == stage::connected && peer == nullptr;
  r.readable = e.in.size() != 0 || !e.arrived.empty() || e.is_over() || e.error != 0;
  r.writable = r.hangup || e.out_shut || (peer != nullptr && (peer->in_shut || e.room_behind(*peer) != 0));
  return r;
}

int local::set_option(int fd, int level, int name, const void* value, unsigned size) noexcept {
  find(fd)->set(level, name, option_number(value, size));
  return 0;
}

int local::get_option(int fd, int level, int name, void* value, unsigned* size) noexcept {
  if (level == SOL_SOCKET && name == SO_PEERCRED) { // it is this process
    int two[2];
    if (const int error = real_.socket_pair(AF_UNIX, SOCK_STREAM, two); error != 0) return error;
    const int error = real_.get_option(two[0], level, name, value, size);
    for (const int one : two) real_.close(one);
    return error;
  }
  return level == SOL_SOCKET ? give_number(find(fd)->get(level, name), value, size) : -EOPNOTSUPP;
}

// ---- connections

int local::listen(int fd, int backlog) noexcept {
  end& e = *find(fd);
  if (e.what != kind::stream) return -EOPNOTSUPP;
  if (e.name.is_none() || e.at == stage::connected) return -EINVAL;
  e.at = stage::listening;
  e.backlog = static_cast<std::size_t>(std::max(backlog, 0)) + 1;
  return 0;
}

int local::connect(int fd, const ::sockaddr* address, unsigned size) noexcept {
  end& e = *find(fd);
  if (e.what == kind::stream && e.at != stage::fresh) return e.at == stage::connected ? -EISCONN : -EINVAL;
  int error = 0;
  end* const to = live_at(name_in(address, size), e.what, error);
  if (to == nullptr) return error;
  if (e.what == kind::datagram) {
    e.at = stage::connected;
    e.other = to->number;
    e.peer_name = to->name;
    return 0;
  }
  if (to->at != stage::listening) return -ECONNREFUSED;
  if (to->arrived.size() >= to->backlog) return -EAGAIN;
  end& made = add(kind::stream);
  join(e, made);
  made.name = e.peer_name = to->name;
  made.peer_name = e.name;
  made.buffer = to->buffer;
  made.options = to->options;
  to->arrived.push_back(made.number);
  all_.announce(*to, true, false);
  return 0;
}

int local::accept(int fd, ::sockaddr* address, unsigned* size) noexcept {
  end& e = *find(fd);
  if (e.at != stage::listening) return -EINVAL;
  if (e.arrived.empty()) return -EAGAIN;
  const int number = e.arrived.front();
  e.arrived.pop_front();
  if (address != nullptr) tell(find(number)->peer_name, address, size);
  return number;
}

std::int64_t local::read(int fd, void* data, std::size_t size) noexcept {
  end& e = *find(fd);
  if (e.what == kind::datagram) return receive_one(fd, data, size);
  if (e.what == kind::writer) return -EBADF;
  if (e.at != stage::connected) return -EINVAL;
  if (const std::size_t n = e.in.take(data, size); n != 0) {
    end* const writer = find(e.other);
    if (writer != nullptr && writer->is_full && e.in.size() <= writer->buffer / 2) {
      writer->is_full = false;
      all_.announce(*writer, false, true);
    }
    return static_cast<std::int64_t>(n);
  }
  if (e.error != 0) return -std::exchange(e.error, 0);
  return e.is_over() || size == 0 ? 0 : -EAGAIN;
}

std::int64_t local::write(int fd, const void* data, std::size_t size) noexcept {
  end& e = *find(fd);
  if (e.what == kind::datagram) return send_one(fd, data, size);
  if (e.what == kind::reader) return -EBADF;
  if (e.at != stage::connected) return -ENOTCONN;
  end* const peer = find(e.other);
  if (e.out_shut || peer == nullptr || peer->in_shut) return -EPIPE;
  if (size == 0) return 0;
  const std::size_t room = e.room_behind(*peer);
  const bool is_torn = !e.is_pipe() || size > std::min(most_untorn, e.buffer);
  std::size_t n = is_torn || size <= room ? std::min(size, room) : 0;
  e.is_full = n < size;
  if (n == 0) return -EAGAIN;
  if (is_torn && n > 1 && chance_.one_in(8)) { // the kernel may take less
    n = 1 + chance_.below(n - 1);
    e.is_full = false;
    all_.announce(e, false, true);
  }
  peer->in.add({static_cast<const char*>(data), n});
  all_.announce(*peer, true, false);
  return static_cast<std::int64_t>(n);
}

int local::shutdown(int fd, int how) noexcept {
  end& e = *find(fd);
  if (e.is_pipe()) return -ENOTSOCK;
  if (e.at != stage::connected) return -ENOTCONN;
  end* const peer = e.what == kind::stream ? find(e.other) : nullptr;
  if (how != SHUT_WR) {
    e.in_shut = true;
    all_.announce(e, true, false);
    if (peer != nullptr) all_.announce(*peer, false, true);
  }
  if (how != SHUT_RD) {
    e.out_shut = true;
    if (peer != nullptr) {
      peer->in_ended = true;
      all_.announce(*peer, true, false);
    }
  }
  return 0;
}

int local::close(int fd) noexcept {
  end& e = *find(fd);
  for (const int number : e.arrived) leave(*find(number), false);
  leave(e, true);
  return 0;
}

// What was never accepted is reset, as is who has not read everything.
void local::leave(end& e, bool was_accepted) noexcept {
  if (const auto found = names_.find(e.name); found != names_.end() && found->second.number == e.number) {
    if (e.name.is_path())
      found->second.number = -1;
    else
      names_.erase(found);
  }
  if (e.what == kind::datagram) {
    tell_senders(e);
  } else if (end* const peer = find(e.other)) {
    if (e.what == kind::stream && (e.in.size() != 0 || !was_accepted)) peer->error = ECONNRESET;
    peer->in_ended = true;
    all_.announce(*peer, true, true);
  }
  all_.remove(e.number);
}

// ---- datagrams

bool local::takes(const end& receiver) const noexcept { return receiver.datagrams.size() <= most_datagrams; }

// Who waits for room there may send, or hears that nobody is there.
void local::tell_senders(const end& receiver) noexcept {
  for (const auto& one : all_.all()) {
    if (one == nullptr || one->made_by != this) continue;
    auto& e = static_cast<end&>(*one);
    if (e.what != kind::datagram || e.other != receiver.number || !std::exchange(e.is_full, false)) continue;
    all_.announce(e, false, true);
  }
}

std::int64_t local::send_message(int fd, const ::msghdr* message) noexcept {
  end& e = *find(fd);
  std::string bytes = gathered(*message);
  if (e.what != kind::datagram) return write(fd, bytes.data(), bytes.size());
  if (e.out_shut) return -EPIPE;
  if (bytes.size() > e.buffer) return -EMSGSIZE;
  end* to = nullptr;
  int error = 0;
  if (message->msg_name != nullptr) {
    to = live_at(name_in(static_cast<const ::sockaddr*>(message->msg_name), message->msg_namelen),
                 kind::datagram, error);
  } else if (e.at != stage::connected) {
    error = -ENOTCONN;
  } else if ((to = find(e.other)) == nullptr) { // told once
    e.at = stage::fresh;
    e.other = -1;
    error = -ECONNREFUSED;
  }
  if (to == nullptr) return error;
  if (to->at == stage::connected && to->other != fd) return -EPERM; // it listens to one only
  if (to->in_shut) return -EPIPE;
  if (!takes(*to)) {
    e.is_full = true;
    return -EAGAIN;
  }
  const auto size = static_cast<std::int64_t>(bytes.size());
  to->datagrams.emplace_back(e.name, std::move(bytes));
  all_.announce(*to, true, false);
  return size;
}

std::int64_t local::receive_message(int fd, ::msghdr* message) noexcept {
  end& e = *find(fd);
  if (e.what != kind::datagram) {
    message->msg_namelen = 0;
    return message->msg_iovlen == 0 ? 0 : read(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
  }
  if (e.datagrams.empty()) return e.in_shut ? 0 : -EAGAIN;
  const auto [from, bytes] = std::move(e.datagrams.front());
  e.datagrams.pop_front();
  tell_senders(e);
  if (message->msg_name != nullptr)
    tell(from, static_cast<::sockaddr*>(message->msg_name), &message->msg_namelen);
  return scatter(bytes, *message);
}

} // namespace thrum::sim
