// What the tests of pools share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

namespace thrum::pool::test {

// Sockets, processes and memory. (The runtime opens others now and then: to look at its threads, for instance.)
inline std::size_t open_files() {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code closed;
    const std::string what = std::filesystem::read_symlink(entry, closed).string();
    for (const char* kind : {"socket:", "pidfd", "memfd:"}) n += what.find(kind) != std::string::npos ? 1 : 0;
  }
  return n;
}

} // namespace thrum::pool::test
