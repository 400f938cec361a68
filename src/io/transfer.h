// How the errors of operations on a descriptor are made.
#pragma once

#include "io/descriptor.h"

#include <thrum/io/buffer.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>

#include <cstdint>

namespace thrum::io {

class operation;

// What one system call is asked for at most; the kernel's own limit is a page less than 2 GiB.
inline constexpr std::size_t most_at_once = std::size_t{1} << 30;

// The world for what needs no poller; starts no runtime.
env::world& world_here() noexcept;

// `errno_value`: a negative errno, as env gives it.
error system_error(const char* operation, const subject& about, std::int64_t errno_value) noexcept;
error closed_error(const char* operation, const descriptor* d) noexcept;
// Of an operation whose step returned `result` < 0.
error failed(const char* name, const descriptor& d, const operation& op, std::int64_t result) noexcept;

// Whether a file that was opened with these flags lets bytes pass in that direction.
bool goes(int flags, direction way) noexcept;
// What is to be said of a descriptor that is not ready: -EAGAIN; -EBADF, if it never will be.
std::int64_t not_now(env::world& world, int fd, direction way) noexcept;

// One system call, or what the medium takes for it; -EAGAIN: not now. At most most_at_once. What a file has to wait for is waited for, until
// then: read_stopped, read_late (disk_read.h).
std::int64_t read_now(env::world& world, int fd, medium through, void* data, std::size_t size,
                      detail::deadline_t until);
std::int64_t write_now(env::world& world, int fd, medium through, const void* data, std::size_t size);

// A write_all of which `done` bytes have gone through before.
result<void> write_rest(descriptor* d, const_buffer from, std::size_t done, deadline until);

// Reads from a file: at once, if nobody minds whether this thread waits for the disk (another_may_wait in disk_read.h), or if the system
// has the bytes in memory; else through a ring (disk_read.h), or in a blocking region.
// `offset` as for env::world::read_at. A negative errno, or how much; or read_stopped, read_late (disk_read.h), and nothing was read.
std::int64_t read_file(env::world& world, int fd, void* data, std::size_t size, std::int64_t offset,
                       detail::deadline_t until = detail::no_deadline);

// Writes to a file. A write puts the bytes into memory, and waits for the disk only when too much waits there already. A small one
// takes no longer than handing the processor off would; should it wait after all, the monitor sees it.
inline constexpr std::size_t small_write = 64 << 10; // is copied in 10 to 20 us; see the cost of blocking.h
std::int64_t write_file(env::world& world, int fd, const void* data, std::size_t size, std::int64_t offset);

} // namespace thrum::io
