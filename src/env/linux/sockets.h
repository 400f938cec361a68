// What of sockets takes more than one system call. Results as system calls give them (-1 and errno); world.cc turns them into
// negative errno values.
#pragma once

#include "env/env.h"

#include <cstdint>
#include <sys/socket.h>

namespace thrum::env {

// For sendmsg and recvmsg.
::msghdr message_of(const ::iovec* parts, int count) noexcept;

// Without SIGPIPE on sockets.
std::int64_t write_parts(int fd, const ::iovec* parts, int count) noexcept;
std::int64_t send_from_file(int to, int from, std::int64_t* offset, std::size_t size) noexcept;

int socket_identity(const char* path, file_identity* out) noexcept;
int unlink_socket(const char* path, const file_identity& which) noexcept;

} // namespace thrum::env
