// disk: what breaks when a simulated program works with files. The files are real; what goes wrong comes from the seed, as often as the
// rules say (simulated_files). Only files that the run has opened: standard streams never fail.
//
// Used by the worker of the run only.
#pragma once

#include "env/env.h"
#include "sim/chance.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <thrum/simulate.h>

namespace thrum::sim {

class simulator;

enum class disk_call : std::uint8_t { make, open, read, write, resize, sync, rename, close };

class disk {
public:
  disk(simulator& s, const simulated_files& how, std::uint64_t seed) noexcept;

  void opened(int fd) { files_.insert(fd); }
  int closed(int fd) noexcept; // as trouble()

  // 0, or the negative errno with which a call is to fail.
  int trouble(disk_call what) noexcept;
  int trouble(disk_call what, int fd) noexcept;
  // A call transfers this many of so many bytes; or a negative errno.
  std::int64_t how_much(disk_call what, int fd, std::size_t size) noexcept;

private:
  int fail(disk_call what, int error) noexcept;

  simulator& simulator_;
  const simulated_files how_;
  chance chance_;
  std::set<int> files_;
};

} // namespace thrum::sim
