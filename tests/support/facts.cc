#include "support/facts.h"

#include <cstdio>
#include <dirent.h>
#include <string>
#include <unistd.h>

namespace test {

namespace {

std::size_t entries(const char* folder) {
  std::size_t n = 0;
  if (DIR* d = ::opendir(folder)) {
    while (const dirent* e = ::readdir(d)) n += e->d_name[0] != '.' ? 1 : 0;
    ::closedir(d);
  }
  return n;
}

} // namespace

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(f, "%zu %zu", &total, &resident) != 2) resident = 0;
    std::fclose(f);
  }
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t thread_count() { return entries("/proc/self/task"); }

std::size_t open_files() { return entries("/proc/self/fd") - 1; } // the folder itself is open meanwhile

std::size_t available_memory() {
  std::size_t kib = 0;
  if (std::FILE* f = std::fopen("/proc/meminfo", "re")) {
    char line[256];
    while (std::fgets(line, sizeof line, f) != nullptr)
      if (std::sscanf(line, "MemAvailable: %zu", &kib) == 1) break;
    std::fclose(f);
  }
  return kib << 10;
}

} // namespace test
