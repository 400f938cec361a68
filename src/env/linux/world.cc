// The real world: Linux system calls behind the table of env/env.h.
#include "base/check.h"
#include "base/sanitizer.h"
#include "env/env.h"
#include "env/file_reads.h"
#include "env/linux/child_process.h"
#include "env/linux/clock.h"
#include "env/linux/cpus.h"
#include "env/linux/direct.h"
#include "env/linux/epoll.h"
#include "env/linux/files.h"
#include "env/linux/injection.h"
#include "env/linux/lookup.h"
#include "env/linux/memory.h"
#include "env/linux/quiet_write.h"
#include "env/linux/quietly.h"
#include "env/linux/ring.h"
#include "env/linux/signals.h"
#include "env/linux/sockets.h"
#include "env/linux/thread_watch.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thrum::env {

namespace {

struct thread_start {
  void (*entry)(void*);
  void* argument;
  char name[16]; // the kernel keeps 15 bytes
};

constexpr unsigned long timer_slack = 1'000; // nanoseconds

void* thread_main(void* raw) noexcept {
  auto* start = static_cast<thread_start*>(raw);
  const thread_start copy = *start;
  delete start;
  if (copy.name[0]) ::prctl(PR_SET_NAME, copy.name);
  ::prctl(PR_SET_TIMERSLACK, timer_slack); // the default, 50 us, is what a sleep would otherwise be late by
  copy.entry(copy.argument);
  return nullptr;
}

class linux_table final : public world {
public:
  constexpr linux_table() = default;

  nanoseconds now() noexcept override { return monotonic_now(); }

  std::uint64_t random(stream) noexcept override {
    std::uint64_t value = 0;
    if (quietly([&] { return ::getrandom(&value, sizeof value, GRND_NONBLOCK); }) != sizeof value)
      value = static_cast<std::uint64_t>(monotonic_now()) * 0x9e3779b97f4a7c15u; // early boot: no entropy yet
    return value;
  }

  int start_thread(std::uintptr_t* handle, const char* name, std::size_t stack_bytes, void (*entry)(void*),
                   void* argument) noexcept override {
    if (fault && fault(fault_site::thread_start)) return -EAGAIN;
    auto* start = new (std::nothrow) thread_start{entry, argument, {}};
    if (start == nullptr) return -ENOMEM;
    if (name) std::snprintf(start->name, sizeof start->name, "%s", name);
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    std::size_t least = small_stack;
    if (THRUM_ASAN || THRUM_TSAN) // sanitizer runtimes need more: the default at least
      ::pthread_attr_getstacksize(&attributes, &least);
    if (stack_bytes != 0) ::pthread_attr_setstacksize(&attributes, std::max(stack_bytes, least));
    pthread_t thread;
    const int error = ::pthread_create(&thread, &attributes, thread_main, start);
    ::pthread_attr_destroy(&attributes);
    if (error != 0) {
      delete start;
      return -error;
    }
    *handle = static_cast<std::uintptr_t>(thread);
    return 0;
  }

  void join_thread(std::uintptr_t handle) noexcept override {
    const int error = ::pthread_join(static_cast<pthread_t>(handle), nullptr);
    THRUM_CHECK(error == 0);
  }

  void wait_word(const void* word, std::uint32_t expected, nanoseconds deadline) noexcept override {
    // The thread sanitizer puts a handler off until its thread calls something that the sanitizer knows. (See signals.cc.) A signal that
    // comes just before this call does not end it: so there, nobody sleeps for longer than a second.
    if (THRUM_TSAN) deadline = std::min(deadline, now() + 1'000'000'000);
    const timespec until = to_timespec(deadline); // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time
    const long result = quietly([&] {
      return ::syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
                       deadline == forever ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
    });
    if (THRUM_TSAN && (result == -EINTR || result == -ETIMEDOUT)) ::usleep(0);
  }

  void wake_word(const void* word, int how_many) noexcept override {
    quietly([&] { return ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, nullptr, nullptr, 0); });
  }

  void yield_thread() noexcept override { ::sched_yield(); }

  topology cpus() noexcept override { return read_topology(); }
  descriptor_limit descriptors() noexcept override {
    ::rlimit limit{};
    quietly([&] { return ::getrlimit(RLIMIT_NOFILE, &limit); });
    return {limit.rlim_cur, limit.rlim_max, ring_refusal()};
  }

  int this_thread() noexcept override { return thread_id(); }
  nanoseconds thread_cpu_time(int thread) noexcept override {
    return quietly([&] { return cpu_time_of(thread); });
  }
  bool thread_sleeps(int thread) noexcept override {
    const int saved = errno;
    const bool result = sleeps(thread);
    errno = saved;
    return result;
  }
  void set_time_slice(int thread, nanoseconds slice) noexcept override {
    const int saved = errno;
    env::set_time_slice(thread, slice);
    errno = saved;
  }

  void* map(std::size_t bytes, std::size_t alignment) noexcept override {
    if (fault && fault(fault_site::map_memory)) return nullptr;
    return map_memory(bytes, alignment);
  }

  void unmap(void* address, std::size_t bytes) noexcept override { unmap_memory(address, bytes); }
  void discard(void* address, std::size_t bytes) noexcept override { discard_memory(address, bytes); }
  bool resident(void* address, std::size_t bytes, unsigned char* pages) noexcept override {
    return memory_resident(address, bytes, pages);
  }
  guard_kind guard(char* const* addresses, unsigned count, std::size_t bytes) noexcept override {
    return guard_memory(addresses, count, bytes, fault);
  }
  void commit(char* const* addresses, unsigned count, std::size_t bytes) noexcept override {
    commit_memory(addresses, count, bytes);
  }

  int open_poller(poller** out) noexcept override {
    if (fault && fault(fault_site::poller_open)) return -EMFILE;
    return quietly([&] { return epoll_open(out, fault); });
  }
  void close_poller(poller* p) noexcept override {
    if (auto* closing = poller_closing.load(std::memory_order_acquire)) closing(p); // V1 (env.h)
    if (is_meddled_with()) forget_all_watched(p);
    quietly([&] { return epoll_shut(p); });
  }
  int watch(poller* p, int fd, void* token, std::uint16_t tag) noexcept override {
    if (fault && fault(fault_site::poller_add)) return -ENOSPC;
    const int result = in_ring(fd) ? ring_watch(epoll_rings(p), fd, token, tag)
                                   : quietly([&] { return epoll_watch(p, fd, token, tag); });
    if (is_meddled_with() && result == 0) remember_watched(p, fd, token, tag);
    return result;
  }
  void unwatch(poller* p, int fd) noexcept override {
    if (is_meddled_with()) forget_watched(fd);
    if (in_ring(fd)) return ring_unwatch(fd);
    quietly([&] { return epoll_unwatch(p, fd); });
  }
  int poll(poller* p, readiness* events, int capacity, nanoseconds deadline) noexcept override {
    return quietly([&] { return epoll_poll(p, events, capacity, deadline); });
  }
  void kick(poller* p) noexcept override {
    quietly([&] { return epoll_kick(p); });
  }
  bool has_events(poller* p) noexcept override {
    const int saved = errno;
    const bool result = epoll_has_events(p);
    errno = saved;
    return result;
  }
  readiness look(int fd) noexcept override {
    if (in_ring(fd)) return ring_look(fd);
    const int saved = errno;
    const readiness result = look_at(fd);
    errno = saved;
    return result;
  }

  int socket(int family, int type, int protocol, poller* beyond) noexcept override {
    if (const int e = meddled(socket_call::make); e != 0) return e;
    return perhaps_beyond(
        beyond, [&] { return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol); },
        [&](ring_set& rings) { return ring_socket(rings, family, type, protocol); });
  }
  int set_option(int fd, int level, int name, const void* value, unsigned size) noexcept override {
    if (const int e = meddled(socket_call::set_option); e != 0) return e;
    if (in_ring(fd)) return ring_set_option(fd, level, name, value, size);
    return quietly([&] { return ::setsockopt(fd, level, name, value, size); });
  }
  int get_option(int fd, int level, int name, void* value, unsigned* size) noexcept override {
    if (const int e = meddled(socket_call::get_option); e != 0) return e;
    if (in_ring(fd)) return ring_get_option(fd, level, name, value, size);
    return quietly([&] { return ::getsockopt(fd, level, name, value, size); });
  }
  int bind(int fd, const ::sockaddr* address, unsigned size) noexcept override {
    if (const int e = meddled(socket_call::bind); e != 0) return e;
    return quietly([&] { return ::bind(fd, address, size); });
  }
  int listen(int fd, int backlog) noexcept override {
    if (const int e = meddled(socket_call::listen); e != 0) return e;
    return quietly([&] { return ::listen(fd, backlog); });
  }
  int accept(int fd, ::sockaddr* address, unsigned* size, poller* beyond) noexcept override {
    if (const int e = meddled(socket_call::accept); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    return perhaps_beyond(
        beyond, [&] { return ::accept4(fd, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC); },
        [&](ring_set& rings) { return ring_accept(rings, fd, address, size); });
  }
  int connect(int fd, const ::sockaddr* address, unsigned size) noexcept override {
    if (const int e = meddled(socket_call::connect); e != 0) return e;
    if (in_ring(fd)) return ring_connect(fd, address, size);
    return quietly([&] { return ::connect(fd, address, size); });
  }
  int local_address(int fd, ::sockaddr* address, unsigned* size) noexcept override {
    if (const int e = meddled(socket_call::local_address); e != 0) return e;
    if (in_ring(fd)) return ring_local_address(fd, address, size);
    return quietly([&] { return ::getsockname(fd, address, size); });
  }
  int peer_address(int fd, ::sockaddr* address, unsigned* size) noexcept override {
    if (const int e = meddled(socket_call::peer_address); e != 0) return e;
    if (in_ring(fd)) return ring_peer_address(fd, address, size);
    return quietly([&] { return ::getpeername(fd, address, size); });
  }
  std::int64_t read(int fd, void* data, std::size_t size) noexcept override {
    if (const auto e = meddled(socket_call::read, fd, size); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    if (in_ring(fd)) return ring_read(fd, data, size);
    return quietly([&] { return direct::read(fd, data, size); });
  }
  std::int64_t write(int fd, const void* data, std::size_t size) noexcept override {
    if (const auto e = meddled(socket_call::write, fd, size); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    if (in_ring(fd)) return ring_write(fd, data, size);
    return quietly([&] {
      std::int64_t n = direct::send(fd, data, size, MSG_NOSIGNAL);
      if (n < 0 && errno == ENOTSOCK) n = quiet_write(fd, data, size);
      return n;
    });
  }
  std::int64_t read_vector(int fd, const ::iovec* parts, int count) noexcept override {
    if (const int e = meddled(socket_call::read_vector); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    if (in_ring(fd)) {
      ::msghdr message = message_of(parts, count);
      return ring_receive_message(fd, &message, 0);
    }
    return quietly([&] { return static_cast<std::int64_t>(::readv(fd, parts, count)); });
  }
  std::int64_t write_vector(int fd, const ::iovec* parts, int count) noexcept override {
    if (const int e = meddled(socket_call::write_vector); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    if (in_ring(fd)) {
      const ::msghdr message = message_of(parts, count);
      return ring_send_message(fd, &message, 0);
    }
    return quietly([&] { return write_parts(fd, parts, count); });
  }
  std::int64_t receive_message(int fd, ::msghdr* message, int flags) noexcept override {
    if (const int e = meddled(socket_call::receive_message); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    if (in_ring(fd)) return ring_receive_message(fd, message, flags);
    return quietly(
        [&] { return static_cast<std::int64_t>(::recvmsg(fd, message, flags | MSG_CMSG_CLOEXEC)); });
  }
  std::int64_t send_message(int fd, const ::msghdr* message, int flags) noexcept override {
    if (const int e = meddled(socket_call::send_message); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    if (in_ring(fd)) return ring_send_message(fd, message, flags);
    return quietly([&] { return static_cast<std::int64_t>(::sendmsg(fd, message, flags | MSG_NOSIGNAL)); });
  }
  std::int64_t send_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept override {
    if (fault && fault(fault_site::io_would_block) && announce_again(to)) return -EAGAIN;
    if (in_ring(to)) return ring_send_file(to, from, offset, size);
    return quietly([&] { return send_from_file(to, from, offset, size); });
  }
  int socket_pair(int family, int type, int* two) noexcept override {
    return quietly([&] { return ::socketpair(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two); });
  }
  int shutdown(int fd, int how) noexcept override {
    if (const int e = meddled(socket_call::shutdown); e != 0) return e;
    if (in_ring(fd)) return ring_shutdown(fd, how);
    return quietly([&] { return ::shutdown(fd, how); });
  }
  int identify_socket(const char* path, file_identity* out) noexcept override {
    return quietly([&] { return socket_identity(path, out); });
  }
  int remove_socket(const char* path, const file_identity& which) noexcept override {
    return quietly([&] { return unlink_socket(path, which); });
  }
  int set_socket_mode(const char* path, unsigned mode) noexcept override {
    return quietly([&] { return ::chmod(path, mode); });
  }
  int close(int fd) noexcept override {
    if (in_ring(fd)) return ring_close(fd);
    // Linux has released the descriptor even when close reports EINTR: never retried.
    const int result = quietly([&] { return direct::close(fd); });
    const int e = failing(file_call::close);
    return e != 0 ? e : result;
  }

  int look_up(const char* host, const char* service, address_taker take, void* to) noexcept override {
    if (answer_lookup) return answer_lookup(host, service, take, to);
    return quietly([&] { return ask_resolver(host, service, take, to); });
  }

  int make_pipe(int ends[2]) noexcept override {
    return quietly([&] { return ::pipe2(ends, O_NONBLOCK | O_CLOEXEC); });
  }
  int open_file(const char* path, int flags, unsigned permissions, bool now) noexcept override {
    // What fails here is asked for once more, so a test that lets opens fail means the others.
    if (now && (fail_file || nothing_is_in_memory.load(std::memory_order_relaxed))) // relaxed: a setting
      return -EAGAIN;
    if (const int e = failing(file_call::open); e != 0) return e;
    return quietly([&] { return file_open(path, flags, permissions, now); });
  }
  int reopen(int fd, int flags) noexcept override {
    return quietly([&] { return file_reopen(fd, flags); });
  }
  int duplicate(int fd) noexcept override {
    return quietly([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); });
  }
  int facts_of(int fd, file_facts* out) noexcept override {
    if (const int e = failing(file_call::facts); e != 0) return e;
    return quietly([&] { return file_facts_of(fd, out); });
  }
  int flags_of(int fd) noexcept override {
    return quietly([&] { return ::fcntl(fd, F_GETFL); });
  }
  std::int64_t read_at(int fd, void* data, std::size_t size, std::int64_t offset,
                       bool now) noexcept override {
    if (const int e = failing(file_call::read); e != 0) return e;
    if (now && nothing_is_in_memory.load(std::memory_order_relaxed)) return -EAGAIN; // relaxed: a setting
    return quietly([&] { return file_read(fd, data, size, offset, now); });
  }
  std::int64_t write_at(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept override {
    if (const int e = failing(file_call::write); e != 0) return e;
    if (fault && fault(fault_site::io_would_block) && announce_again(fd)) return -EAGAIN;
    return quietly([&] { return file_write(fd, data, size, offset); });
  }
  std::int64_t receive(int fd, void* data, std::size_t size) noexcept override {
    return quietly([&] { return static_cast<std::int64_t>(::recv(fd, data, size, MSG_DONTWAIT)); });
  }
  std::int64_t send(int fd, const void* data, std::size_t size) noexcept override {
    return quietly([&] { return direct::send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
  }
  std::int64_t seek(int fd, std::int64_t offset, int whence) noexcept override {
    return quietly([&] { return static_cast<std::int64_t>(::lseek(fd, offset, whence)); });
  }
  int truncate(int fd, std::int64_t size) noexcept override {
    if (const int e = failing(file_call::truncate); e != 0) return e;
    return quietly([&] { return ::ftruncate(fd, size); });
  }
  int sync(int fd, bool data_only) noexcept override {
    if (const int e = failing(file_call::sync); e != 0) return e;
    return quietly([&] { return data_only ? ::fdatasync(fd) : ::fsync(fd); });
  }
  int lock_file(int fd, int how) noexcept override {
    return quietly([&] { return file_lock(fd, how); });
  }
  int make_fifo(const char* path, unsigned permissions) noexcept override {
    return quietly([&] { return ::mkfifo(path, permissions); });
  }
  int set_permissions(int fd, unsigned permissions) noexcept override {
    if (const int e = failing(file_call::set_permissions); e != 0) return e;
    return quietly([&] { return ::fchmod(fd, permissions); });
  }
  int rename_file(const char* from, const char* to) noexcept override {
    if (const int e = failing(file_call::rename); e != 0) return e;
    return quietly([&] { return ::rename(from, to); });
  }
  int remove_file(const char* path) noexcept override {
    return quietly([&] { return ::unlink(path); });
  }
  int open_events() noexcept override {
    return quietly([&] { return ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC); });
  }
  int add_events(int fd, const char* path, std::uint32_t which) noexcept override {
    return quietly([&] { return ::inotify_add_watch(fd, path, which); });
  }
  int remove_events(int fd, int id) noexcept override {
    return quietly([&] { return ::inotify_rm_watch(fd, id); });
  }

  int start_child(const child_plan& plan, child* out) noexcept override {
    return quietly([&] { return spawn_child(plan, *out, refuses_pidfd()); });
  }
  int watch_child(child* c) noexcept override {
    return quietly([&] { return watch_child_again(*c, refuses_pidfd()); });
  }
  int wait_child(const child& c, child_end* end, child_wait how) noexcept override {
    return quietly([&] { return wait_for_child(c, *end, how); });
  }
  int signal_child(const child& c, int signal, bool group) noexcept override {
    return quietly([&] { return send_to_child(c, signal, group); });
  }
  char* const* environment() noexcept override { return environment_of_this_process(); }

  int open_signals(std::uint64_t numbers, signal_seat** out, int* event) noexcept override {
    return quietly([&] { return open_signal_seat(numbers, out, event); });
  }
  int take_signal(signal_seat* s) noexcept override {
    return quietly([&] { return take_from_seat(s); });
  }
  void stop_signals(signal_seat* s) noexcept override { stop_signal_seat(s); }
  void close_signals(signal_seat* s) noexcept override { close_signal_seat(s); }

private:
  int failing(file_call call) const noexcept { return fail_file ? fail_file(call) : 0; }
  bool is_meddled_with() const noexcept { return fault != nullptr || fail_socket != nullptr; }
  // What a test wants of this call: 0, or its answer. Of what is cut short the kernel has told already, so it tells again.
  std::int64_t meddled(socket_call call, int fd, std::size_t& size) const noexcept {
    if (fail_socket == nullptr) return 0;
    std::size_t less = size;
    const int e = fail_socket(call, &less);
    if (e == 0 && less < size && announce_again(fd)) size = less;
    return e;
  }
  int meddled(socket_call call) const noexcept {
    std::size_t none = 0;
    return fail_socket != nullptr ? fail_socket(call, &none) : 0;
  }
  bool refuses_pidfd() const noexcept { return fault && fault(fault_site::child_watch); }

  // `ordinary` makes a descriptor; when the process may have no more, `otherwise` makes a connection in a ring of the poller's.
  template <class Ordinary, class Otherwise>
  int perhaps_beyond(poller* beyond, Ordinary ordinary, Otherwise otherwise) noexcept {
    if (beyond == nullptr) return quietly(ordinary);
    ring_await_ready(epoll_rings(beyond));
    const int fd = all_beyond ? -EMFILE : quietly(ordinary);
    if (fd >= 0) ring_make_ready(epoll_rings(beyond), fd);
    return fd == -EMFILE ? otherwise(epoll_rings(beyond)) : fd;
  }
};

} // namespace

constinit base::atomic<void (*)(poller*) noexcept> poller_closing{nullptr};

world& linux_world() noexcept {
  static constinit linux_table table;
  return table;
}

} // namespace thrum::env
