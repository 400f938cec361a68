// The system calls of the hot paths by their numbers. glibc's functions are cancellation points: once a program has threads,
// each call pays two locked exchanges around the kernel's work, some 5 % of a small read. Nobody cancels our threads.
//
// Under a sanitizer they are the functions: from those it learns what memory the kernel wrote, and what a message orders.
#pragma once

#include "base/sanitizer.h"

#include <cstddef>
#include <cstdint>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thrum::env::direct {

#if THRUM_TSAN || THRUM_ASAN

inline std::int64_t read(int fd, void* data, std::size_t size) noexcept { return ::read(fd, data, size); }
inline std::int64_t send(int fd, const void* data, std::size_t size, int flags) noexcept {
  return ::send(fd, data, size, flags);
}
inline int epoll_wait(int epoll, epoll_event* events, int capacity, int milliseconds) noexcept {
  return ::epoll_wait(epoll, events, capacity, milliseconds);
}

#else

inline std::int64_t read(int fd, void* data, std::size_t size) noexcept {
  return ::syscall(SYS_read, fd, data, size);
}
inline std::int64_t send(int fd, const void* data, std::size_t size, int flags) noexcept {
  return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}
inline int epoll_wait(int epoll, epoll_event* events, int capacity, int milliseconds) noexcept {
  return static_cast<int>(
      ::syscall(SYS_epoll_pwait, epoll, events, capacity, milliseconds, nullptr, std::size_t{0}));
}

#endif

} // namespace thrum::env::direct
