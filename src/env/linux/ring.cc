// The rings of the process and of each poller, and the calls by number.
#include "env/linux/ring.h"

#include "base/check.h"
#include "env/linux/epoll.h"
#include "env/linux/quietly.h"
#include "env/linux/ring_table.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <netinet/in.h>
#include <new>
#include <sys/socket.h>
#include <unistd.h>

namespace thrum::env {

namespace {

constexpr unsigned most_rings = 256; // of the process

constinit base::atomic<int> refusal{0};
constinit base::atomic<ring*> rings[most_rings];

ring& ring_of(int number) noexcept {
  ring* r = rings[static_cast<unsigned>(number) >> slot_bits & (most_rings - 1)].load(
      std::memory_order_acquire); // R1
  THRUM_CHECK(r != nullptr);
  return *r;
}
unsigned slot_of(int number) noexcept { return static_cast<unsigned>(number) & (most_slots - 1); }

} // namespace

// ---- sets

namespace {

void destroy(ring* r, unsigned index) noexcept {
  delete r;
  rings[index].store(nullptr, std::memory_order_release); // R1: the index is free
}

// A place that is taken, and not yet known to anybody.
ring* taken() noexcept { return reinterpret_cast<ring*>(std::uintptr_t{1}); }

// The set's lock is held. Opens one ring more.
int add_ring(ring_set& set, unsigned limit) noexcept {
  const unsigned n = set.count.load(std::memory_order_relaxed); // relaxed: ours, under the lock
  if (n == ring_set::most) return -ENFILE;
  if (set.fault != nullptr && set.fault(fault_site::ring_open)) return -EPERM;
  for (unsigned index = 0; index < most_rings; ++index) {
    ring* none = nullptr;
    if (!rings[index].compare_exchange_strong(none, taken(), std::memory_order_acquire, // R1
                                              std::memory_order_relaxed))               // relaxed: not ours
      continue;
    ring* made = new (std::nothrow) ring(set, index);
    const int error = made != nullptr ? made->open(limit) : -ENOMEM;
    if (error != 0) {
      delete made;
      rings[index].store(nullptr, std::memory_order_release); // R1
      return error;
    }
    rings[index].store(made, std::memory_order_release); // R1
    set.all[n] = made;
    set.count.store(n + 1, std::memory_order_release); // R1
    return 0;
  }
  return -ENFILE;
}

void remember(int error) noexcept {
  refusal.store(error, std::memory_order_relaxed); // relaxed: for a message
}

// Tries the rings of the set, the one that was opened first before the others, and then a new one.
template <class Try> int in_some_ring(ring_set& set, Try attempt) noexcept {
  for (;;) {
    const unsigned n = set.count.load(std::memory_order_acquire); // R1
    for (unsigned i = 0; i < n; ++i)
      if (const int number = attempt(*set.all[i]); number != -ENFILE) return number;
    const std::lock_guard hold(set.lock);
    if (set.count.load(std::memory_order_relaxed) != n) continue; // relaxed: another has opened one
    if (const int error = add_ring(set, limit_now()); error != 0) {
      remember(n != 0 ? -ENFILE : error);
      return -EMFILE;
    }
    remember(0);
  }
}

} // namespace

void ring_await_ready(ring_set& set) noexcept {
  if (set.is_being_made_ready.load(std::memory_order_relaxed)) // relaxed: says nothing of anything else
    const std::lock_guard until_it_is(set.lock);
}

void ring_make_ready(ring_set& set, int fd) noexcept {
  const unsigned limit = limit_now();
  if (static_cast<unsigned>(fd) < limit - limit / 4) return;
  if (set.count.load(std::memory_order_relaxed) != 0) return; // relaxed: they are opened together
  // Enough for a quarter of a million connections, for an eighth of the descriptors at most.
  constexpr unsigned enough = 1u << 18;
  const unsigned wanted = std::clamp(std::min(enough / limit, limit / 8), 1u, ring_set::most);
  const std::lock_guard hold(set.lock);
  set.is_being_made_ready.store(true, std::memory_order_relaxed);                 // relaxed: as above
  for (unsigned n = set.count.load(std::memory_order_relaxed); n < wanted; ++n) { // relaxed: under the lock
    const int error = add_ring(set, limit);
    if (n == 0) remember(error);
    if (error != 0) break;
  }
  set.is_being_made_ready.store(false, std::memory_order_relaxed); // relaxed: as above
}

int ring_accept(ring_set& set, int listener, ::sockaddr* address, unsigned* size) noexcept {
  return in_some_ring(set, [&](ring& r) { return r.accept(listener, address, size); });
}
int ring_socket(ring_set& set, int family, int type, int protocol) noexcept {
  return in_some_ring(set, [&](ring& r) { return r.make_socket(family, type, protocol); });
}
int ring_refusal() noexcept { return refusal.load(std::memory_order_relaxed); } // relaxed: for a message

// What is listed is not in the queue, where the poller would see it.
void tell_of_due(ring_set& set) noexcept {
  set.due.store(true, std::memory_order_release); // R2
  epoll_kick(set.owner);
}

int ring_collect(ring& reporting, readiness* out, int capacity) noexcept {
  return reporting.collect(out, capacity, false);
}
int ring_collect_due(ring_set& set, readiness* out, int capacity) noexcept {
  if (!set.due.load(std::memory_order_relaxed)) return 0; // relaxed: a kick comes behind it
  int count = 0;
  unsigned i = 0;
  if (capacity > 0 && set.due.exchange(false, std::memory_order_acquire)) { // R2
    const unsigned n = set.count.load(std::memory_order_acquire);           // R1
    for (; i < n && count < capacity; ++i) count += set.all[i]->collect(out + count, capacity - count, true);
    if (i == n) return count;
  }
  tell_of_due(set);
  return count;
}

void ring_leave_poller(ring_set& set) noexcept {
  const unsigned n = set.count.load(std::memory_order_acquire); // R1
  for (unsigned i = 0; i < n; ++i) {
    ring* r = set.all[i];
    const unsigned index = r->index();
    if (r->leave_poller()) destroy(r, index);
  }
}

// ---- the calls

int ring_watch(ring_set& set, int number, void* token, std::uint16_t tag) noexcept {
  return ring_of(number).watch(set, slot_of(number), token, tag);
}
void ring_unwatch(int number) noexcept { ring_of(number).unwatch(slot_of(number)); }
int ring_report_again(int number) noexcept { return ring_of(number).report_again(slot_of(number)); }
readiness ring_look(int number) noexcept { return ring_of(number).look(slot_of(number)); }

namespace {

// Calls `act` with a descriptor for the same socket, which is closed again behind it.
template <class Act> int with_descriptor(int number, Act act) noexcept {
  const auto fd = static_cast<int>(
      ring_of(number).call(uring_abi::install_descriptor, slot_of(number), [](uring_abi::request&) {}));
  if (fd < 0) return fd;
  const int result = quietly([&] { return act(fd); });
  quietly([&] { return ::close(fd); });
  return result;
}

// The kernel does not take more at once.
std::uint32_t at_most(std::size_t size) noexcept {
  return static_cast<std::uint32_t>(std::min<std::size_t>(size, 0x7ffff000));
}

} // namespace

int ring_set_option(int number, int level, int name, const void* value, unsigned size) noexcept {
  return static_cast<int>(
      ring_of(number).option(slot_of(number), uring_abi::command_set_option, level, name, value, size));
}

int ring_get_option(int number, int level, int name, void* value, unsigned* size) noexcept {
  const auto n = static_cast<int>(
      ring_of(number).option(slot_of(number), uring_abi::command_get_option, level, name, value, *size));
  if (n == -EOPNOTSUPP) // only those of SOL_SOCKET have a request
    return with_descriptor(number, [&](int fd) { return ::getsockopt(fd, level, name, value, size); });
  if (n < 0) return n;
  *size = static_cast<unsigned>(n);
  return 0;
}

int ring_connect(int number, const ::sockaddr* address, unsigned size) noexcept {
  return ring_of(number).connect(slot_of(number), address, size);
}

int ring_local_address(int number, ::sockaddr* address, unsigned* size) noexcept {
  return with_descriptor(number, [&](int fd) { return ::getsockname(fd, address, size); });
}

int ring_peer_address(int number, ::sockaddr* address, unsigned* size) noexcept {
  const int told = with_descriptor(number, [&](int fd) { return ::getpeername(fd, address, size); });
  if (told != -EMFILE) return told;
  ring& r = ring_of(number);
  if (const int error = r.connection_state(slot_of(number)); error != 0) return error;
  // As an option, the name is only given to who asks for no more bytes than it has.
  int n = -EINVAL;
  for (const std::size_t of : {sizeof(sockaddr_in6), sizeof(sockaddr_in)}) {
    if (n != -EINVAL || *size < of) continue;
    n = static_cast<int>(r.option(slot_of(number), uring_abi::command_get_option, SOL_SOCKET, SO_PEERNAME,
                                  address, static_cast<unsigned>(of)));
  }
  if (n < 0) return n;
  *size = static_cast<unsigned>(n);
  return 0;
}

std::int64_t ring_read(int number, void* data, std::size_t size) noexcept {
  return ring_of(number).call(uring_abi::receive, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(data);
    r.size = at_most(size);
    r.operation_flags = MSG_DONTWAIT;
  });
}

std::int64_t ring_write(int number, const void* data, std::size_t size) noexcept {
  return ring_of(number).call(uring_abi::send, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(data);
    r.size = at_most(size);
    r.operation_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  });
}

std::int64_t ring_receive_message(int number, ::msghdr* message, int flags) noexcept {
  return ring_of(number).call(uring_abi::receive_message, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(message);
    r.size = 1;
    r.operation_flags = static_cast<std::uint32_t>(flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  });
}

std::int64_t ring_send_message(int number, const ::msghdr* message, int flags) noexcept {
  return ring_of(number).call(uring_abi::send_message, slot_of(number), [&](uring_abi::request& r) {
    r.address = reinterpret_cast<std::uintptr_t>(message);
    r.size = 1;
    r.operation_flags = static_cast<std::uint32_t>(flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

// sendfile takes descriptors only, so the file's bytes pass through here.
std::int64_t ring_send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept {
  char buffer[16 << 10];
  const std::int64_t got =
      quietly([&] { return ::pread(from, buffer, std::min(size, sizeof buffer), *offset); });
  if (got <= 0) return got;
  const std::int64_t n = ring_write(to, buffer, static_cast<std::size_t>(got));
  if (n > 0) *offset += n;
  return n;
}

int ring_shutdown(int number, int how) noexcept {
  return static_cast<int>(
      ring_of(number).call(uring_abi::shutdown, slot_of(number),
                           [&](uring_abi::request& r) { r.size = static_cast<std::uint32_t>(how); }));
}

int ring_close(int number) noexcept {
  ring& r = ring_of(number);
  if (r.close(slot_of(number))) destroy(&r, r.index());
  return 0;
}

} // namespace thrum::env
