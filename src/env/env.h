// env: the only room that touches the world. Everything that a runtime needs from outside (clock, randomness,
// threads, memory, descriptors, faults, decisions) is an operation of this table; a runtime holds one table and
// reaches the outside through it alone. A simulated world is another table under the same runtime.
//
// tools/check_symbols enforces it: only objects of this room may reference the system.
//
// The table sits on the slow side of every operation (each costs a system call or more), so a virtual call is noise.
// Errors are returned as negative errno values, as the kernel returns them; no operation throws or allocates, and
// none touches the caller's errno.
#pragma once

#include "base/atomic.h"

#include <cstddef>
#include <cstdint>

struct sockaddr;
struct msghdr;
struct iovec;

namespace thrum::env {

// Nanoseconds of the monotonic clock (CLOCK_MONOTONIC = std::chrono::steady_clock).
using nanoseconds = std::int64_t;
inline constexpr nanoseconds forever = INT64_MAX;

// Separate random streams, so that a simulated world can replay each on its own.
enum class stream : std::uint8_t { steal, select, jitter, user };

// Places where a test may inject a failure (see world::fault).
enum class fault_site : std::uint8_t {
  thread_start, // -EAGAIN: the process may not start another thread
  map_memory,   // -ENOMEM
  guard,        // -EINVAL: a kernel without guard markers
  poller_open,  // -EMFILE
  poller_add,   // -ENOSPC, -ENOMEM
  child_watch,  // -ENOSYS: a kernel without pidfds
  ring_open,    // -EPERM: io_uring is forbidden
  ring_call,    // -ENOMEM of a call on a connection in a ring, as if it had not been made
  io_would_block // -EAGAIN although the kernel said ready; it will say so again (only on descriptors watched under fault)
};

// Calls about files that a test may let fail (see world::fail_file).
enum class file_call : std::uint8_t {
  open,
  facts,
  read,
  write,
  truncate,
  sync,
  set_permissions,
  rename,
  close
};

// Calls on sockets and pipes that a test may let fail or cut short (see world::fail_socket).
enum class socket_call : std::uint8_t {
  make,
  set_option,
  get_option,
  bind,
  listen,
  accept,
  connect,
  local_address,
  peer_address,
  read,
  write,
  read_vector,
  write_vector,
  receive_message,
  send_message,
  shutdown
};

// Places where a simulated scheduler decides who goes on.
enum class decision_point : std::uint8_t { spawn, park, ready, steal, timer, poll };

// One readiness report. `token` and `tag` are what watch() was given.
struct readiness {
  void* token;
  std::uint16_t tag;
  bool readable;
  bool writable;
  bool hangup; // error or peer closed both ways: reads and writes will say which
  bool
      tail; // not only data is left to read, but the peer's end or urgent data: after a short read there may be more
};

struct poller; // opaque

struct child; // child.h
struct child_plan;
struct child_end;
enum class child_wait : std::uint8_t;
struct signal_seat; // signal_seat.h

// Called by close_poller before anything of the poller is gone, so that who has watched descriptors there can forget it.
// Installed by io/; null: nobody has. Any thread may write the one value it ever gets.
//   V1  installer's release store -> close_poller's acquire load: the callback sees what was set up for it.
extern base::atomic<void (*)(poller*) noexcept> poller_closing;

// How a guard against stack overflow was installed.
enum class guard_kind : std::uint8_t {
  marker,     // MADV_GUARD_INSTALL: no limit on their number
  protection, // mprotect: each costs two memory mappings of vm.max_map_count
  none        // neither was possible
};

// Which file a name means: two names mean one file if both numbers are the same.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
};

// Why a name has no addresses, where no errno says it.
enum class lookup_failure : std::uint8_t {
  none,
  unknown_name,    // nobody has it
  no_address,      // somebody has it, but no address belongs to it
  no_answer,       // of a name server, this time
  refused,         // a name server answers, but will not tell
  unknown_service, // the name of the port
  other
};

// How many descriptors the process may have open, and up to how many it may raise that itself. `beyond`: why connections that
// have none (in_ring) were refused the last time, a negative errno; 0: they were not.
struct descriptor_limit {
  std::uint64_t now, most;
  int beyond = 0;
};

// Connections for which the process has no descriptor left have numbers, too, from here on (linux/ring.h). The operations of the
// world that are about sockets take them; to the system they mean nothing.
inline constexpr int first_in_ring = 1 << 28;
constexpr bool in_ring(int fd) noexcept { return fd >= first_in_ring; }

struct topology {
  unsigned processors; // usable by this process now: affinity mask and cgroup CPU quota, at least 1
  unsigned cpus;       // in the affinity mask
};

// Hints for who keeps CPUs apart, and beside the table, because a virtual call would cost as much as the rest: the number of the CPU
// that the calling thread runs on, which may be another one at once, and one more than the highest that it may run on. Nothing but
// speed may depend on them. (linux/cpus.cc)
unsigned current_cpu() noexcept;
unsigned end_of_cpus() noexcept;

// What the kernel says of an open file.
struct file_facts {
  std::uint32_t mode; // kind and permissions, as st_mode
  bool reopens;       // a pipe, or a terminal (not its master): opened anew, it is the same
  std::int64_t size;
};

class world {
public:
  // ---- clock and chance
  virtual nanoseconds now() noexcept = 0;
  virtual std::uint64_t random(stream) noexcept = 0;

  // ---- threads. start_thread returns 0 or a negative errno; the thread runs entry(argument) on a stack of that many bytes (0: as
  //      many as the system gives threads by default) and is joined with join_thread. *handle may be written after the thread has
  //      begun. wait_word blocks while *word == expected until woken, the deadline, or a spurious return.
  virtual int start_thread(std::uintptr_t* handle, const char* name, std::size_t stack_bytes,
                           void (*entry)(void*), void* argument) noexcept = 0;
  static constexpr std::size_t small_stack =
      256 << 10; // for threads that run our own code and signal handlers only
  virtual void join_thread(std::uintptr_t handle) noexcept = 0;
  virtual void wait_word(const void* word, std::uint32_t expected, nanoseconds deadline) noexcept = 0;
  virtual void wake_word(const void* word, int how_many) noexcept = 0;
  virtual void yield_thread() noexcept = 0;
  virtual topology cpus() noexcept = 0;

  // ---- watching threads of this process, by the number that this_thread() gave. A time slice is a request: what the thread
  //      would like to run without a break; short ones are served sooner. Linux before 6.12 ignores it.
  virtual int this_thread() noexcept = 0;
  virtual nanoseconds thread_cpu_time(int thread) noexcept = 0; // 0: of the calling thread
  virtual bool thread_sleeps(int thread) noexcept = 0;          // in the kernel, waiting for something
  virtual void set_time_slice(int thread, nanoseconds slice) noexcept = 0;

  // ---- memory. map reserves zeroed pages that are committed when first touched; null if refused.
  virtual void* map(std::size_t bytes, std::size_t alignment) noexcept = 0;
  virtual void unmap(void* address, std::size_t bytes) noexcept = 0;
  virtual void discard(void* address,
                       std::size_t bytes) noexcept = 0; // give the pages back; they read as zero
  // A byte for each page: 1 if it has memory. False: that cannot be said.
  virtual bool resident(void* address, std::size_t bytes, unsigned char* pages) noexcept = 0;
  // guard makes `bytes` at each of the addresses unusable, and returns the weakest kind that any of them got. commit says that
  // they will be written to soon: they may get their memory at once, in fewer steps than a fault for each page; or not, and
  // then the first touch commits, as ever.
  virtual guard_kind guard(char* const* addresses, unsigned count, std::size_t bytes) noexcept = 0;
  virtual void commit(char* const* addresses, unsigned count, std::size_t bytes) noexcept = 0;

  // ---- readiness. watch registers a descriptor once for both directions, edge-triggered; what is ready already is
  //      reported, too. poll fills events and returns their number (0 when the deadline passed or kick() was called) or a
  //      negative errno. A report may still be on its way to the caller of poll when unwatch returns; the tag tells it from
  //      one for a later use of the same token. kick makes one poll in progress, or else the next one, return; polls
  //      with deadline 0 do not count. look asks about one descriptor, now (no token, no tag).
  virtual int open_poller(poller** out) noexcept = 0;
  virtual void close_poller(poller*) noexcept = 0;
  virtual int watch(poller*, int fd, void* token, std::uint16_t tag) noexcept = 0;
  virtual void unwatch(poller*, int fd) noexcept = 0;
  virtual int poll(poller*, readiness* events, int capacity, nanoseconds deadline) noexcept = 0;
  virtual void kick(poller*) noexcept = 0;
  virtual bool has_events(poller*) noexcept = 0; // a poll would report something; takes nothing
  virtual readiness look(int fd) noexcept = 0;

  // ---- descriptors; all non-blocking and close-on-exec. `beyond`, of socket and accept: the poller that is to watch the socket, and
  //      in whose ring it may be when the process has no descriptor left; null: then -EMFILE.
  virtual descriptor_limit descriptors() noexcept = 0;
  virtual int socket(int family, int type, int protocol, poller* beyond) noexcept = 0;
  virtual int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept = 0;
  virtual int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept = 0;
  virtual int bind(int fd, const ::sockaddr* address, unsigned size) noexcept = 0;
  virtual int listen(int fd, int backlog) noexcept = 0;
  virtual int accept(int fd, ::sockaddr* address, unsigned* size, poller* beyond) noexcept = 0;
  virtual int connect(int fd, const ::sockaddr* address, unsigned size) noexcept = 0;
  virtual int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept = 0;
  virtual int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept = 0;
  virtual std::int64_t read(int fd, void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t write(int fd, const void* data,
                             std::size_t size) noexcept = 0; // never raises SIGPIPE
  // The same from and to several places.
  virtual std::int64_t read_vector(int fd, const ::iovec* parts, int count) noexcept = 0;
  virtual std::int64_t write_vector(int fd, const ::iovec* parts, int count) noexcept = 0;
  // recvmsg and sendmsg. Descriptors that are received are close-on-exec; nothing raises SIGPIPE.
  virtual std::int64_t receive_message(int fd, ::msghdr* message, int flags) noexcept = 0;
  virtual std::int64_t send_message(int fd, const ::msghdr* message, int flags) noexcept = 0;
  // As sendfile, and moves *offset; never raises SIGPIPE. May wait for the file.
  virtual std::int64_t send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept = 0;
  virtual int socket_pair(int family, int type, int* two) noexcept = 0;
  virtual int shutdown(int fd, int how) noexcept = 0;
  // Files that stand for sockets. -ENOTSOCK: the file is something else; -ESTALE: it is another one than it was.
  virtual int identify_socket(const char* path, file_identity* out) noexcept = 0;
  virtual int remove_socket(const char* path, const file_identity& which) noexcept = 0;
  virtual int set_socket_mode(const char* path, unsigned mode) noexcept = 0;
  virtual int close(int fd) noexcept = 0;

  // ---- names. look_up asks the system for the addresses of a host and the port of a service (null: none), which may take as
  //      long as it likes, and calls take(to, address, size) for each, in the order in which they are to be tried. Returns 0,
  //      a negative errno, or a lookup_failure.
  using address_taker = void (*)(void* to, const ::sockaddr* address, unsigned size) noexcept;
  virtual int look_up(const char* host, const char* service, address_taker take, void* to) noexcept = 0;

  // ---- files and pipes; all close-on-exec. read_at and write_at go to the descriptor's own position if `offset` is
  //      own_position; `now`: only what is in memory already, else -EAGAIN, or -EOPNOTSUPP of a file that cannot tell; of
  //      open_file, the names of the path, and any error means: ask without it. write_at never raises SIGPIPE. flags_of says how a
  //      file was opened: access mode, O_APPEND, O_NONBLOCK; it is no file_call. receive and send are for sockets that block for others: these calls do not. Flags,
  //      permissions and how to lock as in open(2) and fcntl(2).
  static constexpr std::int64_t own_position = -1;
  virtual int make_pipe(int ends[2]) noexcept = 0; // neither end blocks
  virtual int open_file(const char* path, int flags, unsigned permissions, bool now) noexcept = 0;
  virtual int reopen(int fd, int flags) noexcept = 0; // the same file, with a position and flags of its own
  virtual int duplicate(int fd) noexcept = 0;         // shares both; never 0, 1 or 2
  virtual int facts_of(int fd, file_facts* out) noexcept = 0;
  virtual int flags_of(int fd) noexcept = 0;
  virtual std::int64_t read_at(int fd, void* data, std::size_t size, std::int64_t offset,
                               bool now) noexcept = 0;
  virtual std::int64_t write_at(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept = 0;
  virtual std::int64_t receive(int fd, void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t send(int fd, const void* data, std::size_t size) noexcept = 0;
  virtual std::int64_t seek(int fd, std::int64_t offset, int whence) noexcept = 0;
  virtual int truncate(int fd, std::int64_t size) noexcept = 0;
  virtual int sync(int fd, bool data_only) noexcept = 0;
  virtual int lock_file(int fd, int how) noexcept = 0; // an open-file-description lock; never waits
  virtual int make_fifo(const char* path, unsigned permissions) noexcept = 0;
  virtual int set_permissions(int fd, unsigned permissions) noexcept = 0;
  virtual int rename_file(const char* from, const char* to) noexcept = 0;
  virtual int remove_file(const char* path) noexcept = 0;
  virtual int open_events() noexcept = 0; // inotify; does not block
  virtual int add_events(int fd, const char* path, std::uint32_t which) noexcept = 0;
  virtual int remove_events(int fd, int id) noexcept = 0;

  // ---- child processes (child.h). start_child blocks until the child has become its program, and says why if it cannot. Its
  //      descriptors are the caller's. watch_child gives one that was started another `watch`. A child is reaped once, by
  //      wait_child; signal_child is not called afterwards.
  virtual int start_child(const child_plan& plan, child* out) noexcept = 0;
  virtual int watch_child(child* c) noexcept = 0;
  virtual int wait_child(const child& c, child_end* end, child_wait how) noexcept = 0;
  virtual int signal_child(const child& c, int signal, bool group) noexcept = 0;
  virtual char* const* environment() noexcept = 0; // of this process, to its null pointer

  // ---- signals, a bit each (signal_seat.h). From open_signals to stop_signals they are left at the seat and do nothing else;
  //      *event, the caller's, is readable while some are there, and now and then when none is. take_signal gives a
  //      number or -EAGAIN; one caller at a time. stop_signals may be called again; close_signals is the last call.
  virtual int open_signals(std::uint64_t numbers, signal_seat** out, int* event) noexcept = 0;
  virtual int take_signal(signal_seat*) noexcept = 0;
  virtual void stop_signals(signal_seat*) noexcept = 0;
  virtual void close_signals(signal_seat*) noexcept = 0;

  // ---- hooks, null in production
  // all_beyond: as if there never were a descriptor where `beyond` is given. answer_lookup is asked instead of the system. fault answers
  // "fail here now?"; decide is told each scheduling decision. fail_file answers 0, or the negative errno with which the call is to fail:
  // before anything has happened, except that a close has closed. So does fail_socket, which may also make less of the *size of a read
  // or write (no vectors): what is left is announced again, if the descriptor is watched.
  bool all_beyond = false;
  bool (*fault)(fault_site) noexcept = nullptr;
  int (*fail_file)(file_call) noexcept = nullptr;
  int (*fail_socket)(socket_call, std::size_t* size) noexcept = nullptr;
  void (*decide)(decision_point) noexcept = nullptr;
  int (*answer_lookup)(const char* host, const char* service, address_taker take,
                       void* to) noexcept = nullptr;

protected:
  ~world() = default;
};

// The real one. Usable at any time, from any thread, also while static objects are built or destroyed.
world& linux_world() noexcept;

} // namespace thrum::env
