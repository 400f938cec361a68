// Connections beyond the process's descriptors: sockets that live in the table of an io_uring instance ("direct descriptors")
// instead of the process's, and the calls on them.
//
// The problem. A process may have RLIMIT_NOFILE descriptors, and often only an administrator may change that. What a connection needs
// is a place in some table of the kernel; that of an io_uring instance holds as many again, and counts for nothing.
//
// The way taken. Such a connection has a number, as a descriptor has one, out of the kernel's range:
//
//   bit 28         | bits 20 to 27       | bits 0 to 19
//   in_ring (env.h)  which ring of ours    which slot of its table
//
// and the operations of the world look at their number (world.cc) and come here. Whoever is above has nothing to know.
//
// A call is one request with "do not wait" that the kernel carries out at once: submitted, and its completion found, under the lock
// of the ring. What would block says -EAGAIN, as a system call does.
//
// Readiness. A watch is a multishot poll: the kernel keeps it, and adds a completion at each wake-up. The ring's own descriptor is in
// the poller's epoll set, level-triggered, so completions that stand in the queue are never overlooked. Three things could lose one,
// and must not:
//   - A call looks for its own completion behind others that are not its. Those stay: the oldest moves into the place of the one that
//     is taken out, and the poller sees a queue that is not empty, as before.
//   - The queue is full, and the kernel keeps the call's completion back. Then reports move into their slots (`due`, a list through
//     the slots, which needs no memory) and the poller is kicked.
//   - The kernel ends a poll by itself (its thread has ended, or there was no memory; no more_follow). It is begun anew, which tells
//     of what is ready by itself, and everything is reported as ready: a false alarm costs one system call.
// A report of a watch that has ended is known by its serial number.
//
// A poll of the kernel's tells which wake-up it was, not what is ready, so it cannot tell whether there are urgent data: each report
// says that a short read proves nothing (`tail`), and a stream is read until it would block.
//
// The size of a table. The kernel allows as many slots as the process may have descriptors at that time, so one ring doubles
// their number and more need more rings; and each ring takes a descriptor, of which there is none any more when the first is
// needed. So all that a poller may need are opened while there still are descriptors: when a connection gets a number in the
// last quarter (make_ready). Others who want a descriptor wait meanwhile (await_ready): on a busy machine a thread loses its CPU while
// it opens rings, and its fellows would take what it needs. A ring that is not used yet takes some 20 to 100 KB of the kernel's
// memory; its table is made when the first connection comes.
//
// Life. A ring belongs to a poller and to the numbers in it. When the poller closes, nothing is reported any more, but options,
// addresses and close still work; the last number takes the ring with it.
//
// Locks: that of a ring is taken while a descriptor's guard is held (watch, unwatch); nothing is taken, and nobody waits for
// anything but the kernel, while it is held.
//
// Orderings
//   R1  a ring is published by number, and in its set: release; whoever looks acquires it, complete.
//   R2  reports that were put aside -> the poll that was kicked. (They themselves are under the ring's lock.)
//
// Rejected
//   - Descriptors for a moment (IORING_OP_FIXED_FD_INSTALL) for each call: there is none to be had, which is why we are here. What no
//     request can do (the local address, options of TCP that are asked) tries it.
//   - Descriptors in reserve, one of which makes room for a ring when it is needed: another thread may take the number in between.
//   - Reads that wait in the kernel instead of readiness: a second protocol for deadlines, turns and close, beside descriptor.h's.
//   - A second ring for calls, so that their completions do not wake who sleeps in the poller: each file in two tables.
#pragma once

#include "base/atomic.h"
#include "env/env.h"

#include <cstdint>
#include <mutex>

namespace thrum::env {

class ring;

// The rings of one poller.
struct ring_set {
  static constexpr unsigned most = 64;

  poller* owner = nullptr;
  int epoll = -1; // the poller's
  bool (*fault)(fault_site) noexcept = nullptr;
  std::mutex lock;                 // guards the next two while they grow
  base::atomic<unsigned> count{0}; // of `all`
  ring* all[most] = {};
  base::atomic<bool> is_being_made_ready{false}; // by who has the lock
  base::atomic<bool> due{false};                 // a ring has reports that the poller cannot see
};

// Before a descriptor is opened: waits while rings are.
void ring_await_ready(ring_set& set) noexcept;
// A descriptor with this number was opened: if there are few left, opens the rings that may be needed.
void ring_make_ready(ring_set& set, int fd) noexcept;
// accept4 and socket, into a ring. -EMFILE: there is none with a place (ring_refusal says why).
int ring_accept(ring_set& set, int listener, ::sockaddr* address, unsigned* size) noexcept;
int ring_socket(ring_set& set, int family, int type, int protocol) noexcept;
// Why no ring was to be had the last time; 0: one was, or nobody has asked.
int ring_refusal() noexcept;

// What `reporting` (the token of a ring in its poller's epoll set) has to report, at most `capacity`.
inline constexpr std::uint64_t ring_token = 1; // added to the address of a ring
int ring_collect(ring& reporting, readiness* out, int capacity) noexcept;
// The same of all rings that were told to by a kick.
int ring_collect_due(ring_set& set, readiness* out, int capacity) noexcept;
// The poller is gone.
void ring_leave_poller(ring_set& set) noexcept;

// The calls, on numbers for which in_ring() holds. Results as the world's.
int ring_watch(ring_set& set, int number, void* token, std::uint16_t tag) noexcept;
void ring_unwatch(int number) noexcept;
int ring_report_again(int number) noexcept; // as if both directions had become ready
readiness ring_look(int number) noexcept;
int ring_set_option(int number, int level, int name, const void* value, unsigned size) noexcept;
int ring_get_option(int number, int level, int name, void* value, unsigned* size) noexcept;
int ring_connect(int number, const ::sockaddr* address, unsigned size) noexcept;
int ring_local_address(int number, ::sockaddr* address, unsigned* size) noexcept;
int ring_peer_address(int number, ::sockaddr* address, unsigned* size) noexcept;
std::int64_t ring_read(int number, void* data, std::size_t size) noexcept;
std::int64_t ring_write(int number, const void* data, std::size_t size) noexcept;
std::int64_t ring_receive_message(int number, ::msghdr* message, int flags) noexcept;
std::int64_t ring_send_message(int number, const ::msghdr* message, int flags) noexcept;
std::int64_t ring_send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept;
int ring_shutdown(int number, int how) noexcept;
int ring_close(int number) noexcept;

} // namespace thrum::env
