// descriptor: everything thrum knows about one open file descriptor: who reads, who writes, what is ready, until when.
//
// The problem. Fibers call read and write as if they blocked. Underneath, the descriptor does not block, the kernel tells once
// (edge-triggered) that it has become ready, and any worker may be the one who hears it. Meanwhile other fibers may read the
// same descriptor, change its deadline, or close it; and a number that was closed is given out again by the kernel at once.
//
// The way taken: one guard, and plain fields under it. An operation takes it twice, once to begin and once to end, for some
// tens of nanoseconds around system calls of a microsecond; the system calls themselves run outside.
//
//   an operation                                   an edge (on_edge, by whichever worker polled)
//   ------------                                   ---------------------------------------------
//   guard: take the turn of the direction          guard: edges + 1; set the ready bit
//     not known ready? queue, park (releases)             claim who is parked; make it ready
//   remember `edges`; release the guard            release the guard
//   system call
//   guard: EAGAIN, or all was taken, and `edges`
//     is as remembered? clear the ready bit
//   give the turn on; release the guard
//
// No wake-up is lost: an edge that comes before the operation looks at the ready bit has set it; one that comes after finds
// the operation queued; one that comes during the system call has changed `edges`, so the bit stays set.
//
// Readiness tracking. The ready bit means "may be ready: try"; clear means "would block: do not even try". A stream that gave
// less than was asked for is drained, one that took less than was offered is full: the kernel has promised an edge, and the
// system call that would fail is saved. A request and its answer cost one read and one write. Two things make a short
// read prove nothing, and the kernel reports both with the edge (`tail`): the peer's end, which comes as an empty read later
// without another edge, and urgent data, at which a read stops although more lies behind.
//
// Turns. Operations of one direction are serialised, in order of arrival: a write_all is never torn apart by another, two
// read_exactly get a message each. Reading and writing do not disturb each other. The wait for the turn obeys deadlines, stop
// requests and close like the wait for readiness.
//
// Closing. `users` counts operations that may be in a system call. close() marks the descriptor, counts out everybody who is
// parked (they wake up with nothing left to do but to report it), and the last user closes the number. So the number
// cannot be given to another file while anybody may still use it. (Go's fdMutex; there a parked operation delays
// the close until it has run.)
//
// What is behind the number decides how bytes pass (`medium`). Files are never waited for, and no poller takes them: such a
// descriptor has turns and users like any other, and is always ready; its calls run in a blocking region. It belongs to no
// runtime, if it is not said to: its core and poller are null.
//
// Stale edges. A worker may be on its way here with a report of the last owner of this memory. Descriptors are never freed
// (descriptor_pool.h), and the kernel's report carries the generation at its registration; on_edge drops what is older.
//
// The end of a runtime takes the poller away. Its descriptors are then told (env::poller_closing): whoever waits gets
// errc::runtime_ended, and so does every later operation; only closing still works.
//
// Invariants, whenever the guard is free
//   N1  ready bit set, or nobody that could be claimed is parked in that direction.
//   N2  busy, or nobody that could be claimed is queued.
//   N3  users = lanes that are busy + other uses in progress.
//   N4  fd >= 0 while users > 0 or not closed; it is closed exactly once, by whoever makes users 0 and closed true.
//   N5  core is not null => the poller lives and, if the descriptor is watched, has it; closed => core is null and both ready bits
//       are set.
//   N6  free, i.e. in the pool <=> closed, users == 0, and no handle; generation changes on the way there.
//
// Orderings: all by the guard. The hint that holds the ready bits is written under the guard; a select reads it without (H1,
// select/hint.h).
//
// Rejected
//   - Go's lock-free words per direction plus a packed mutex word: four protocols that must agree, to save about 20 ns of a
//     system call's 1,000; with a biased guard (wait/lock.h) it would save nothing.
//   - a timer per descriptor for the sticky deadline: a wait sets its own and looks again when the deadline was moved.
//   - asking for room only when a write has found none. A Unix stream tells of room whenever its peer has read, and somebody is woken
//     for nothing; but he is then awake when the answer comes. Without that a request and its answer between two processes took longer,
//     and since the poller looks out for answers (env/linux/epoll.cc) it takes as long.
//   - no unwatch before close (the kernel forgets a closed file by itself): a forked child keeps the file alive, and with it
//     a registration that nobody could take out any more.
#pragma once

#include "base/atomic.h"
#include "env/env.h"
#include "sched/watch.h"
#include "select/hint.h"
#include "wait/lock.h"
#include "wait/waiter.h"

#include <cstdint>

#include <thrum/detail/deadline.h>
#include <thrum/detail/io_ready.h>
#include <thrum/io/error.h>

namespace thrum::sched {
struct runtime_core;
} // namespace thrum::sched

namespace thrum::io {

enum class direction : std::uint8_t { in, out };

constexpr std::uint32_t ready_bit(direction way) noexcept {
  return way == direction::in ? detail::io_in_ready : detail::io_out_ready;
}
inline constexpr std::uint32_t both_ready = detail::io_in_ready | detail::io_out_ready;

// How bytes pass through a descriptor.
enum class medium : std::uint8_t {
  socket,        // ours alone, and does not block
  pipe,          // the same, but no socket: a pipe, a terminal, inotify
  shared_socket, // others use it, who rely on its blocking: each call says that it must not
  shared,        // the same of what has no such calls: the kernel is asked before each
  file           // a regular file, or a device that nobody can wait for: not watched
};

// How an operation stands.
enum class status : std::uint8_t { ok, closed, ended, deadline };
std::error_code code_of(status s) noexcept; // not for ok

// What the one who claimed a waiting operation has to say.
enum class verdict : std::uint8_t {
  edge,   // the direction is ready
  turn,   // yours now
  again,  // the deadline was moved: look again
  closed, // the turn and the use, if it had them, were taken back
  ended   // the same, because the runtime is gone
};

// An operation that waits, for its turn or for an edge.
struct waiting : wait::waiter {
  verdict said = verdict::edge;
  std::uint32_t edges = 0; // edge: the count at that moment
};

// One direction of a descriptor. Guarded.
struct lane {
  wait::waiter_list
      parked; // of `waiting`: the operation that has the turn and waits for an edge; at most one can be claimed
  wait::waiter_list queued; // of `waiting`: for the turn
  wait::waiter_list cases;  // of selects (ready.cc)
  detail::deadline_t deadline = detail::no_deadline;
  base::guarded<std::uint32_t> edges = 0; // how often it became ready
  base::guarded<bool> busy = false;       // somebody has the turn
  base::guarded<bool> tail = false;       // a short read proves nothing; see the head of this file
};

struct alignas(64) descriptor : sched::watcher {
  descriptor() noexcept;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  // Of everything below; constant between opening and pool: world, poller, about, is_stream, through, has_runtime, asks.
  wait::lock guard;
  select::hint ready; // both directions' ready bits
  base::guarded<int> fd = -1;
  lane lanes[2]; // by direction
  env::world* world = nullptr;
  env::poller* poller = nullptr;
  base::guarded<sched::runtime_core*> core = nullptr; // null: closed, of no runtime, or that has ended
  base::guarded<std::uint32_t> users = 0;
  std::uint16_t generation = 0; // the tag of its registration
  std::uint16_t burst = 0;      // operations since one last waited; see operation::end
  base::guarded<bool> closed = true;
  bool has_handle = false;
  bool is_stream = false; // a short transfer means drained or full
  medium through = medium::socket;
  bool has_runtime = false;          // and ends with it
  bool asks = false;                 // a connection that this process has opened; constant, too
  base::guarded<bool> asked = false; // something was written since somebody waited to read; for one_by_one.h
  subject about;                     // for errors
  descriptor* next_free = nullptr;   // the pool's

  bool is_watched() const noexcept { return through != medium::file; }
  lane& of(direction way) noexcept { return lanes[static_cast<unsigned>(way)]; }
  std::uint32_t ready_bits() const noexcept { return ready.load() & select::hint::mask; }
  void set_ready(std::uint32_t bits) noexcept { ready.update(ready_bits() | bits); }    // guarded
  void clear_ready(std::uint32_t bits) noexcept { ready.update(ready_bits() & ~bits); } // guarded
  status standing() const noexcept {
    return closed ? status::closed : core == nullptr && has_runtime ? status::ended : status::ok;
  } // guarded

  bool check_invariants() noexcept; // takes the guard; for tests and stress runs
};

struct open_options {
  sched::runtime_core* core = nullptr; // null: of the running fiber, or the default runtime; a file: of none
  std::uint32_t ready = both_ready;    // what is to be tried before it is waited for
  bool is_stream = true;
  medium through = medium::socket;
  env::world* world = nullptr; // of a file of no runtime
  bool asks = false;           // as descriptor::asks
  subject about{};
};

// Takes over `fd`, which does not block, if its medium does not say otherwise. 0 and *out, or a negative errno; the caller then
// still has fd. Allocates.
int open(int fd, const open_options& options, descriptor** out) noexcept;
// The runtime that options.core == null stands for.
sched::runtime_core& runtime_here() noexcept;
// For a descriptor that `d` gives birth to: that of the running fiber; on a plain thread that of `d`, if it still lives.
sched::runtime_core* runtime_next_to(descriptor& d) noexcept;

void close(descriptor& d) noexcept; // the descriptor itself stays with its handle
// close(); what the system says about the number, if this call closes it.
int close_and_tell(descriptor& d) noexcept;
void close_and_release(descriptor& d) noexcept; // the handle's end
// A world goes, and its runtimes are gone: closes what handles still hold open there. They stay, and are closed.
void close_all_in(env::world& world) noexcept;
void set_deadline(descriptor& d, direction way, detail::deadline_t until) noexcept;

// Keeps the number open for a call that does not wait.
class use {
public:
  explicit use(descriptor* d) noexcept;
  ~use();
  use(const use&) = delete;
  use& operator=(const use&) = delete;

  status standing() const noexcept { return standing_; } // not ok: do not touch fd()
  int fd() const noexcept { return d_->fd; }             // constant while somebody uses it
  env::world& world() const noexcept { return *d_->world; }

private:
  descriptor* d_;
  status standing_;
};

// ---- for operation.cc: the guard is held

// What is left to do after the guard was released, when a use has ended.
struct leftover {
  int fd = -1;                     // to be closed
  bool recycle = false;            // the memory is free
  wait::claimable* next = nullptr; // has the turn now
};
// Gives a turn and its use back, or hands them on.
leftover give_turn_back(descriptor& d, lane& l) noexcept;
void finish(descriptor& d, env::world& world, const leftover& rest) noexcept; // the guard is not held

} // namespace thrum::io
