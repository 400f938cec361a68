// Writing to what is no socket (a pipe whose reader may have gone) without SIGPIPE.
#pragma once

#include <cstddef>
#include <cstdint>

struct iovec;

namespace thrum::env {

// write(2) and writev(2); -1 and errno. Never raise SIGPIPE, on whatever thread.
std::int64_t quiet_write(int fd, const void* data, std::size_t size) noexcept;
std::int64_t quiet_write(int fd, const ::iovec* parts, int count) noexcept;

// For tests: behave as on a kernel without RWF_NOSIGNAL.
void refuse_no_signal_flag(bool on) noexcept;

} // namespace thrum::env
