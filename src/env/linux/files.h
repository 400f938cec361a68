// Files and pipes of the real world, where that takes more than one system call. Results as system calls give them (-1 and errno);
// world.cc turns them into negative errno values.
#pragma once

#include "env/env.h"

namespace thrum::env {

int file_open(const char* path, int flags, unsigned permissions, bool now) noexcept;
int file_reopen(int fd, int flags) noexcept;
int file_facts_of(int fd, file_facts* out) noexcept;
std::int64_t file_read(int fd, void* data, std::size_t size, std::int64_t offset, bool now) noexcept;
std::int64_t file_write(int fd, const void* data, std::size_t size, std::int64_t offset) noexcept;
int file_lock(int fd, int how) noexcept;

} // namespace thrum::env
