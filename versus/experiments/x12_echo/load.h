// X12, for the C++ programs: lets the clients (load.cc) question the server on `port` of this process, and waits for them. They
// print the figures.
#pragma once

#include "kit/kit.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace x12 {

inline void question(const kit::bench& b, const char* runtime, const char* variant, int port, int connections,
                     int busy) {
  const std::string numbers[] = {std::to_string(getpid()), std::to_string(port), std::to_string(connections),
                                 std::to_string(busy)};
  const char* program = std::getenv("VERSUS_LOAD"); // the harness says where it is
  if (program == nullptr) program = "x12_echo_load";
  const char* arguments[] = {program,
                             numbers[0].c_str(),
                             numbers[1].c_str(),
                             "X12",
                             runtime,
                             variant,
                             numbers[2].c_str(),
                             numbers[3].c_str(),
                             b.quick() ? "quick" : "full",
                             nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, program, nullptr, nullptr, const_cast<char**>(arguments), environ) != 0) {
    std::fprintf(stderr, "%s could not be started\n", program);
    std::exit(1);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) std::exit(1);
}

} // namespace x12
