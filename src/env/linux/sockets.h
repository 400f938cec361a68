// What of sockets takes more than one system call. Results as system calls give them (-1 and errno); world.cc turns them into
// negative errno values.
#pragma once

#include <cstdint>

struct iovec;

namespace thrum::env {

// Without SIGPIPE on sockets.
std::int64_t write_parts(int fd, const ::iovec* parts, int count) noexcept;

} // namespace thrum::env
