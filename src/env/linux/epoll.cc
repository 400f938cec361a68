#include "env/linux/epoll.h"

#include "env/linux/clock.h"
#include "env/linux/direct.h"
#include "env/linux/file_ring.h"
#include "env/linux/ring.h"

#include "base/atomic.h"
#include "base/check.h"
#include "base/sanitizer.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thrum::env {

// What sleeping and being woken costs; in a virtual machine, where an idle CPU is left to the host, it takes three times as long.
constexpr nanoseconds spin_time = 10'000;
constexpr unsigned most_left_out = 256;

struct poller {
  int epoll;
  int event; // eventfd, registered with a null token; level-triggered, see epoll_poll
  bool
      nanosecond_timeout; // epoll_pwait2, Linux 5.11; false after the kernel (or a seccomp filter) refused it
  // Of the one who sleeps there (spin_for_events).
  unsigned spins_left_out = 0; // so many to come
  unsigned leave_out = 1;      // after the next vain one
  ring_set rings;
  file_ring files;
};

int epoll_open(poller** out, bool (*fault)(fault_site) noexcept) noexcept {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return -1;
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event interest{.events = EPOLLIN, .data = {.u64 = 0}};
  auto* p =
      event >= 0 && ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest) == 0
          ? new (std::nothrow)
                poller{.epoll = epoll, .event = event, .nanosecond_timeout = true, .rings = {}, .files = {}}
          : nullptr;
  if (p == nullptr) {
    const int error = event >= 0 && errno == 0 ? ENOMEM : errno;
    ::close(epoll);
    if (event >= 0) ::close(event);
    errno = error;
    return -1;
  }
  p->rings.owner = p;
  p->rings.epoll = epoll;
  p->rings.fault = fault;
  p->files.belong_to(p, epoll, fault);
  *out = p;
  return 0;
}

int epoll_shut(poller* p) noexcept {
  p->files.shut();
  ring_leave_poller(p->rings);
  ::close(p->event);
  ::close(p->epoll);
  delete p;
  return 0;
}

namespace {

// A token and its tag in the 64 bits that the kernel keeps for us: user addresses have at most 48.
constexpr unsigned address_bits = 48;

epoll_event interest_in(void* token, std::uint16_t tag) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(token);
  THRUM_DCHECK(address >> address_bits == 0);
  return {.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
          .data = {.u64 = address | static_cast<std::uint64_t>(tag) << address_bits}};
}

// The kernel orders what a thread did before it registered a descriptor before what whoever gets its report does. The thread
// sanitizer knows that of epoll_wait; of epoll_pwait2, which we call by number, it does not.
int control(poller* p, int operation, int fd, epoll_event interest) noexcept {
  base::tsan_release(p);
  return ::epoll_ctl(p->epoll, operation, fd, &interest);
}

} // namespace

int epoll_watch(poller* p, int fd, void* token, std::uint16_t tag) noexcept {
  return control(p, EPOLL_CTL_ADD, fd, interest_in(token, tag));
}

int epoll_rearm(poller* p, int fd, void* token, std::uint16_t tag) noexcept {
  return control(p, EPOLL_CTL_MOD, fd, interest_in(token, tag));
}

int epoll_unwatch(poller* p, int fd) noexcept { return ::epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, nullptr); }

namespace {

int wait_events(poller* p, epoll_event* events, int capacity, nanoseconds deadline) noexcept {
  if (deadline == forever) return direct::epoll_wait(p->epoll, events, capacity, -1);
  const nanoseconds left = deadline <= 0 ? 0 : deadline - monotonic_now();
  if (left <= 0) return direct::epoll_wait(p->epoll, events, capacity, 0);
#if defined(SYS_epoll_pwait2)
  if (p->nanosecond_timeout) {
    const timespec timeout = to_timespec(left);
    const long n = ::syscall(SYS_epoll_pwait2, p->epoll, events, capacity, &timeout, nullptr, 0);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(n);
    p->nanosecond_timeout = false;
  }
#endif
  const nanoseconds ms = (left + 999'999) / 1'000'000; // round up: never early
  return direct::epoll_wait(p->epoll, events, capacity, ms > 86'400'000 ? 86'400'000 : static_cast<int>(ms));
}

// Before the poller sleeps: who has just asked another process something is answered soon. A request and its answer between two processes
// took 50 us of time and 24 of CPU by TCP, and 13 to 39 and 9 to 18 by a Unix socket, as the kernel placed them; so it takes 10 and 9.5
// (two CPUs of a virtual machine, November 2026). Each vain spin doubles how many waits are left out next, and each that finds something
// halves it: who mostly waits longer pays nothing for it.
int spin_for_events(poller* p, epoll_event* events, int capacity, nanoseconds deadline) noexcept {
  if (p->spins_left_out != 0) {
    --p->spins_left_out;
    return 0;
  }
  const nanoseconds begun = monotonic_now();
  const nanoseconds end = std::min(deadline, begun + spin_time);
  for (nanoseconds now = begun; now < end; now = monotonic_now()) {
    if (const int n = direct::epoll_wait(p->epoll, events, capacity, 0); n != 0) {
      p->leave_out = std::max(p->leave_out / 2, 1u);
      return n;
    }
    base::relax();
  }
  p->spins_left_out = p->leave_out;
  p->leave_out = std::min(2 * p->leave_out, most_left_out);
  return 0;
}

} // namespace

int epoll_poll(poller* p, readiness* out, int capacity, nanoseconds deadline) noexcept {
  epoll_event events[128];
  if (capacity > 128) capacity = 128;
  int n = deadline > 0 ? spin_for_events(p, events, capacity, deadline) : 0;
  if (n == 0) n = wait_events(p, events, capacity, deadline);
  if (n < 0) {
    if (errno != EINTR) return -1;
    if (THRUM_TSAN) ::usleep(0); // lets the handler run that the thread sanitizer put off (signals.cc)
    // Perhaps it was no signal: the kernel interrupts a thread also to let it take a ring's reports to their queue.
    const bool has_rings = p->rings.count.load(std::memory_order_relaxed) != 0; // relaxed: who has them knows
    if (!has_rings && p->files.state() != 1) return 0;
    n = std::max(wait_events(p, events, capacity, 0), 0);
  }
  base::tsan_acquire(p);
  ring* reporting[ring_set::most];
  unsigned reports = 0;
  bool files_report = false;
  int count = 0;
  for (int i = 0; i < n; ++i) {
    const auto bits = events[i].events;
    const std::uint64_t data = events[i].data.u64;
    if (data == 0) {
      // A kick is for who sleeps. A busy worker that looks in meanwhile must leave it there: taking it would let the sleeper
      // sleep on, with everybody believing that it was woken.
      if (deadline != 0) {
        std::uint64_t drained;
        [[maybe_unused]] const auto ignored = ::read(p->event, &drained, sizeof drained);
      }
      continue;
    }
    if (data == file_ring::token) {
      files_report = true;
      continue;
    }
    if ((data & ring_token) != 0) {
      reporting[reports++] = reinterpret_cast<ring*>(data - ring_token);
      continue;
    }
    const bool hangup = (bits & (EPOLLERR | EPOLLHUP)) != 0;
    out[count++] = {.token = reinterpret_cast<void*>(data & ((std::uint64_t{1} << address_bits) - 1)),
                    .tag = static_cast<std::uint16_t>(data >> address_bits),
                    .readable = hangup || (bits & (EPOLLIN | EPOLLPRI | EPOLLRDHUP)) != 0,
                    .writable = hangup || (bits & EPOLLOUT) != 0,
                    .hangup = hangup,
                    .tail = hangup || (bits & (EPOLLRDHUP | EPOLLPRI)) != 0};
  }
  // Each of them has taken a place among the events, so there is at least one for it here.
  for (unsigned i = 0; i < reports; ++i)
    count += ring_collect(*reporting[i], out + count, capacity - count - static_cast<int>(reports - 1 - i));
  count += ring_collect_due(p->rings, out + count, capacity - count);
  // What there is no room for stays where it is seen again.
  if (files_report || p->files.has_failed()) count += p->files.collect(out + count, capacity - count);
  return count;
}

ring_set& epoll_rings(poller* p) noexcept { return p->rings; }
file_ring& epoll_files(poller* p) noexcept { return p->files; }

int epoll_kick(poller* p) noexcept {
  const std::uint64_t one = 1;
  return static_cast<int>(::write(p->event, &one, sizeof one));
}

bool epoll_has_events(poller* p) noexcept {
  pollfd one{.fd = p->epoll, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) > 0;
}

readiness look_at(int fd) noexcept {
  pollfd one{.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP, .revents = 0};
  const int n = ::poll(&one, 1, 0);
  const int bits = n > 0 ? one.revents : 0;
  const bool hangup = (bits & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  return {.token = nullptr,
          .tag = 0,
          .readable = hangup || (bits & (POLLIN | POLLRDHUP)) != 0,
          .writable = hangup || (bits & POLLOUT) != 0,
          .hangup = hangup,
          .tail = hangup || (bits & POLLRDHUP) != 0};
}

} // namespace thrum::env
