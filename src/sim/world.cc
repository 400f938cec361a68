#include "sim/world.h"

#include "env/panic.h"
#include "sim/simulator.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace thrum::sim {

namespace {

[[noreturn]] void refuse(const char* what) noexcept {
  env::panic(what, "what the kernel and others decide is not simulated: put a channel in its place while "
                   "simulation::active() (thrum/simulate.h)");
}

} // namespace

world::world(simulator& s, const simulation_options& o, std::uint64_t seed) noexcept
    : forwarding_world(env::linux_world()),
      simulator_(s),
      network_(s, *this, sockets_, o.network, seed),
      local_(real_, sockets_, o.network.buffer, seed),
      disk_(s, o.files, seed),
      user_(seed, drawn_by::user),
      other_(seed, drawn_by::other) {}

std::uint64_t world::random(env::stream which) noexcept {
  return which == env::stream::user ? user_.next() : other_.next();
}

// Only who ends the runtime waits here, on the real clock; the worker has nobody to wait for.
void world::wait_word(const void* word, std::uint32_t expected, env::nanoseconds deadline) noexcept {
  constexpr env::nanoseconds moment = 10'000'000;
  real_.wait_word(word, expected, deadline == env::forever ? deadline : real_.now() + moment);
}

int world::open_poller(env::poller** out) noexcept {
  *out = reinterpret_cast<env::poller*>(this); // never looked into
  return 0;
}

int world::poll(env::poller*, env::readiness* events, int capacity, env::nanoseconds deadline) noexcept {
  const auto report = [&] {
    network_.arrive();
    return sockets_.report(events, capacity);
  };
  if (const int n = report(); n != 0) return n;
  if (deadline <= now()) return 0;
  if (simulator_.running()) {
    simulator_.let_time_pass();
    return report();
  }
  while (kicked_.exchange(0, std::memory_order_acquire) == 0) // S1 (simulator.h)
    real_.wait_word(&kicked_, 0, env::forever);
  return 0;
}

void world::kick(env::poller*) noexcept {
  kicked_.store(1, std::memory_order_release); // S1 (simulator.h)
  real_.wake_word(&kicked_, 1);
}

// ---- sockets and pipes

// Of a socket that is closed, any protocol: it says so.
protocol& world::of(int fd) noexcept {
  const sim::socket* const s = sockets_.find(fd);
  return s == nullptr ? network_ : *s->made_by;
}

int world::watch(env::poller*, int fd, void* token, std::uint16_t tag) noexcept {
  if (!sockets::owns(fd)) refuse("a simulated program waits for a descriptor of the system");
  return sockets_.watch(fd, token, tag);
}
env::readiness world::look(int fd) noexcept {
  return sockets::owns(fd) ? of(fd).look(fd) : forwarding_world::look(fd);
}
int world::socket(int family, int type, int, env::poller*) noexcept {
  return family == AF_UNIX ? local_.make(type) : network_.make(family, type);
}
int world::set_option(int fd, int level, int name, const void* value, unsigned size) noexcept {
  return of(fd).set_option(fd, level, name, value, size);
}
int world::get_option(int fd, int level, int name, void* value, unsigned* size) noexcept {
  return of(fd).get_option(fd, level, name, value, size);
}
int world::bind(int fd, const ::sockaddr* address, unsigned size) noexcept {
  return of(fd).bind(fd, address, size);
}
int world::listen(int fd, int backlog) noexcept { return of(fd).listen(fd, backlog); }
int world::accept(int fd, ::sockaddr* address, unsigned* size, env::poller*) noexcept {
  return of(fd).accept(fd, address, size);
}
int world::connect(int fd, const ::sockaddr* address, unsigned size) noexcept {
  return of(fd).connect(fd, address, size);
}
int world::local_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  return of(fd).local_address(fd, address, size);
}
int world::peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept {
  return of(fd).peer_address(fd, address, size);
}
std::int64_t world::read(int fd, void* data, std::size_t size) noexcept {
  return sockets::owns(fd) ? of(fd).read(fd, data, size) : forwarding_world::read(fd, data, size);
}
std::int64_t world::write(int fd, const void* data, std::size_t size) noexcept {
  return sockets::owns(fd) ? of(fd).write(fd, data, size) : forwarding_world::write(fd, data, size);
}

namespace {

// One part after the other, until one is not transferred whole.
template <class Transfer>
std::int64_t part_by_part(const ::iovec* parts, int count, Transfer transfer) noexcept {
  std::int64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    if (parts[i].iov_len == 0) continue;
    const std::int64_t n = transfer(parts[i].iov_base, parts[i].iov_len);
    if (n < 0) return sum != 0 ? sum : n;
    sum += n;
    if (static_cast<std::size_t>(n) < parts[i].iov_len) break;
  }
  return sum;
}

} // namespace

// Files, too: each part may fail, or be read or written in part (disk.h).
std::int64_t world::read_vector(int fd, const ::iovec* parts, int count) noexcept {
  return part_by_part(parts, count, [&](void* data, std::size_t size) {
    return sockets::owns(fd) ? of(fd).read(fd, data, size) : read_at(fd, data, size, own_position, false);
  });
}
std::int64_t world::write_vector(int fd, const ::iovec* parts, int count) noexcept {
  return part_by_part(parts, count, [&](const void* data, std::size_t size) {
    return write_at(fd, data, size, own_position);
  });
}
std::int64_t world::receive_message(int fd, ::msghdr* message, int flags) noexcept {
  if ((flags & MSG_PEEK) != 0) refuse("a simulated program takes a descriptor from a socket");
  return of(fd).receive_message(fd, message);
}
std::int64_t world::send_message(int fd, const ::msghdr* message, int) noexcept {
  if (message->msg_controllen != 0) refuse("a simulated program passes a descriptor through a socket");
  return of(fd).send_message(fd, message);
}
std::int64_t world::send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept {
  std::string piece(std::min<std::size_t>(size, 16 << 10), '\0');
  const std::int64_t got = read_at(from, piece.data(), piece.size(), *offset, false);
  if (got <= 0) return got;
  const std::int64_t sent = of(to).write(to, piece.data(), static_cast<std::size_t>(got));
  if (sent > 0) *offset += sent;
  return sent;
}
int world::shutdown(int fd, int how) noexcept { return of(fd).shutdown(fd, how); }
int world::close(int fd) noexcept {
  if (sockets::owns(fd)) return of(fd).close(fd);
  const int result = forwarding_world::close(fd);
  const int trouble = disk_.closed(fd);
  return trouble != 0 ? trouble : result;
}
int world::socket_pair(int, int type, int* two) noexcept { return local_.make_pair(type, two); }
int world::make_pipe(int* ends) noexcept { return local_.make_pipe(ends); }
int world::identify_socket(const char* path, env::file_identity* out) noexcept {
  return local_.identify(path, out);
}
int world::remove_socket(const char* path, const env::file_identity& which) noexcept {
  return local_.remove_name(path, which);
}
int world::set_socket_mode(const char* path, unsigned) noexcept { // all are the same user's
  env::file_identity ignored;
  return local_.identify(path, &ignored);
}

// ---- files

// What the program says (io::out() and io::err()) goes out at once, as if to a file, whatever they are: who reads it decides nothing.
int world::facts_of(int fd, env::file_facts* out) noexcept {
  const int error = forwarding_world::facts_of(fd, out);
  if (error == 0 && (fd == 1 || fd == 2)) *out = {.mode = S_IFREG, .reopens = false, .size = 0};
  return error;
}

int world::open_file(const char* path, int flags, unsigned permissions, bool now) noexcept {
  if (now) return -EAGAIN; // what is in memory is not the same in each run
  const disk_call what = (flags & O_CREAT) != 0 ? disk_call::make : disk_call::open;
  if (const int error = disk_.trouble(what); error != 0) return error;
  const int fd = forwarding_world::open_file(path, flags, permissions, false);
  if (fd >= 0) disk_.opened(fd);
  return fd;
}

std::int64_t world::read_at(int fd, void* data, std::size_t size, std::int64_t offset, bool) noexcept {
  const std::int64_t n = disk_.how_much(disk_call::read, fd, size);
  return n < 0 ? n : forwarding_world::read_at(fd, data, static_cast<std::size_t>(n), offset, false);
}

std::int64_t world::write_at(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept {
  if (sockets::owns(fd)) return offset == own_position ? of(fd).write(fd, data, size) : -ESPIPE; // of a pipe
  const std::int64_t n = disk_.how_much(disk_call::write, fd, size);
  return n < 0 ? n : forwarding_world::write_at(fd, data, static_cast<std::size_t>(n), offset);
}

int world::truncate(int fd, std::int64_t size) noexcept {
  const int error = disk_.trouble(disk_call::resize, fd);
  return error != 0 ? error : forwarding_world::truncate(fd, size);
}
int world::sync(int fd, bool data_only) noexcept {
  const int error = disk_.trouble(disk_call::sync, fd);
  return error != 0 ? error : forwarding_world::sync(fd, data_only);
}
int world::rename_file(const char* from, const char* to) noexcept {
  const int error = disk_.trouble(disk_call::rename);
  return error != 0 ? error : forwarding_world::rename_file(from, to);
}

// ---- names

// A name is an address; the number of a service is what the system says.
int world::look_up(const char* host, const char* service, address_taker take, void* to) noexcept {
  std::uint16_t port = 0;
  if (service != nullptr) {
    const auto keep = [](void* number, const ::sockaddr* address, unsigned size) noexcept {
      *static_cast<std::uint16_t*>(number) = net::socket_address(address, size).to_endpoint().port();
    };
    if (const int failure = real_.look_up("127.0.0.1", service, keep, &port); failure != 0) return failure;
  }
  const net::socket_address a(network::address_of(host).with_port(port));
  take(to, a.raw(), a.size);
  return 0;
}

// ---- what is not simulated

int world::open_events() noexcept { refuse("a simulated program watches a directory"); }
int world::start_child(const env::child_plan&, env::child*) noexcept {
  refuse("a simulated program starts a child process");
}
int world::open_signals(std::uint64_t, env::signal_seat**, int*) noexcept {
  refuse("a simulated program waits for signals");
}

} // namespace thrum::sim
