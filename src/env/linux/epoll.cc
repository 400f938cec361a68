#include "env/linux/epoll.h"

#include "env/linux/clock.h"

#include <cerrno>
#include <new>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thrum::env {

struct poller {
  int epoll;
  int event;                 // eventfd, registered with a null token
  bool nanosecond_timeout;   // epoll_pwait2, Linux 5.11; false after the kernel (or a seccomp filter) refused it
};

int epoll_open(poller** out) noexcept {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return -1;
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event interest{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  auto* p = event >= 0 && ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest) == 0
                ? new (std::nothrow) poller{epoll, event, true}
                : nullptr;
  if (p == nullptr) {
    const int error = event >= 0 && errno == 0 ? ENOMEM : errno;
    ::close(epoll);
    if (event >= 0) ::close(event);
    errno = error;
    return -1;
  }
  *out = p;
  return 0;
}

int epoll_shut(poller* p) noexcept {
  ::close(p->event);
  ::close(p->epoll);
  delete p;
  return 0;
}

int epoll_watch(poller* p, int fd, void* token) noexcept {
  epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = token}};
  return ::epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &interest);
}

int epoll_unwatch(poller* p, int fd) noexcept { return ::epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, nullptr); }

namespace {

int wait_events(poller* p, epoll_event* events, int capacity, nanoseconds deadline) noexcept {
  if (deadline == forever) return ::epoll_wait(p->epoll, events, capacity, -1);
  const nanoseconds left = deadline <= 0 ? 0 : deadline - monotonic_now();
  if (left <= 0) return ::epoll_wait(p->epoll, events, capacity, 0);
#if defined(SYS_epoll_pwait2)
  if (p->nanosecond_timeout) {
    const timespec timeout = to_timespec(left);
    const long n = ::syscall(SYS_epoll_pwait2, p->epoll, events, capacity, &timeout, nullptr, 0);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(n);
    p->nanosecond_timeout = false;
  }
#endif
  const nanoseconds ms = (left + 999'999) / 1'000'000; // round up: never early
  return ::epoll_wait(p->epoll, events, capacity, ms > 86'400'000 ? 86'400'000 : static_cast<int>(ms));
}

} // namespace

int epoll_poll(poller* p, readiness* out, int capacity, nanoseconds deadline) noexcept {
  epoll_event events[128];
  if (capacity > 128) capacity = 128;
  const int n = wait_events(p, events, capacity, deadline);
  if (n < 0) return errno == EINTR ? 0 : -1;
  int count = 0;
  for (int i = 0; i < n; ++i) {
    const auto bits = events[i].events;
    if (events[i].data.ptr == nullptr) {
      std::uint64_t drained;
      [[maybe_unused]] const auto ignored = ::read(p->event, &drained, sizeof drained); // re-arms the edge
      continue;
    }
    const bool hangup = (bits & (EPOLLERR | EPOLLHUP)) != 0;
    out[count++] = {.token = events[i].data.ptr,
                    .readable = hangup || (bits & (EPOLLIN | EPOLLRDHUP)) != 0,
                    .writable = hangup || (bits & EPOLLOUT) != 0,
                    .hangup = hangup};
  }
  return count;
}

int epoll_kick(poller* p) noexcept {
  const std::uint64_t one = 1;
  return static_cast<int>(::write(p->event, &one, sizeof one));
}

} // namespace thrum::env
