// The system calls of the hot paths by their numbers. glibc's functions are cancellation points: once a program has threads,
// each call pays two locked exchanges around the kernel's work, some 5 % of a small read. Nobody cancels our threads.
//
// Under a sanitizer they are the functions: from those it learns what memory the kernel wrote, and what a message orders.
#pragma once

#include "base/sanitizer.h"

#include <cstddef>
#include <cstdint>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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
inline std::int64_t pread(int fd, void* data, std::size_t size, std::int64_t offset) noexcept {
  return ::pread(fd, data, size, offset);
}
inline std::int64_t preadv2(int fd, const ::iovec* parts, int count, std::int64_t offset,
                            int flags) noexcept {
  return ::preadv2(fd, parts, count, offset, flags);
}
inline int open(const char* path, int flags, unsigned permissions) noexcept {
  return ::open(path, flags, permissions);
}
inline int close(int fd) noexcept { return ::close(fd); }

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
inline std::int64_t pread(int fd, void* data, std::size_t size, std::int64_t offset) noexcept {
  return ::syscall(SYS_pread64, fd, data, size, offset);
}
inline std::int64_t preadv2(int fd, const ::iovec* parts, int count, std::int64_t offset,
                            int flags) noexcept {
  return ::syscall(SYS_preadv2, fd, parts, static_cast<long>(count), offset, 0L, static_cast<long>(flags));
}
inline int open(const char* path, int flags, unsigned permissions) noexcept {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, permissions));
}
inline int close(int fd) noexcept { return static_cast<int>(::syscall(SYS_close, fd)); }

#endif

} // namespace thrum::env::direct
