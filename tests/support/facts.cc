#include "support/facts.h"

#include <cstdio>
#include <cstring>
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

enum class which : bool { voluntary, all };

// The sum of the lines "...ctxt_switches: n" of a thread's status, if its name begins with `name`.
std::uint64_t switches_of(const std::string& thread, const char* name, which counted) {
  std::uint64_t total = 0;
  if (std::FILE* f = std::fopen(("/proc/self/task/" + thread + "/status").c_str(), "re")) {
    char line[256];
    bool counts = false;
    while (std::fgets(line, sizeof line, f) != nullptr) {
      unsigned long long n = 0;
      if (std::strncmp(line, "Name:\t", 6) == 0)
        counts = std::strncmp(line + 6, name, std::strlen(name)) == 0;
      if (std::sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
          (counted == which::all && std::sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1))
        total += n;
    }
    std::fclose(f);
    return counts ? total : 0;
  }
  return 0;
}

std::uint64_t switches_of_all(const char* name, which counted) {
  std::uint64_t total = 0;
  if (DIR* d = ::opendir("/proc/self/task")) {
    while (const dirent* e = ::readdir(d))
      if (e->d_name[0] != '.') total += switches_of(e->d_name, name, counted);
    ::closedir(d);
  }
  return total;
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

std::uint64_t context_switches(const char* name) { return switches_of_all(name, which::all); }
std::uint64_t voluntary_switches(const char* name) { return switches_of_all(name, which::voluntary); }

} // namespace test
