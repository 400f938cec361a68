#include "env/linux/cpus.h"

#include "env/linux/small_file.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <unistd.h>

namespace thrum::env {

namespace {

unsigned smaller_limit(unsigned a, unsigned b) noexcept {
  if (a == 0) return b;
  if (b == 0) return a;
  return a < b ? a : b;
}

unsigned round_up_cpus(long quota, long period) noexcept {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<unsigned>((quota + period - 1) / period);
}

// Walks from this process's cgroup up to the root of one hierarchy and takes the smallest quota on the way.
unsigned quota_of(const char* mount, const char* group, bool v2) noexcept {
  char path[1024];
  char file[1200];
  char a[64];
  char b[64];
  unsigned limit = 0;
  std::snprintf(path, sizeof path, "%s%s", mount, group);
  for (;;) {
    if (v2) {
      std::snprintf(file, sizeof file, "%s/cpu.max", path);
      read_small(file, a);
      limit = smaller_limit(limit, quota_from_cpu_max(a));
    } else {
      std::snprintf(file, sizeof file, "%s/cpu.cfs_quota_us", path);
      read_small(file, a);
      std::snprintf(file, sizeof file, "%s/cpu.cfs_period_us", path);
      read_small(file, b);
      limit = smaller_limit(limit, quota_from_cfs(a, b));
    }
    char* slash = std::strrchr(path, '/');
    if (slash == nullptr || static_cast<std::size_t>(slash - path) < std::strlen(mount)) return limit;
    *slash = '\0';
  }
}

unsigned cgroup_quota() noexcept {
  char groups[4096];
  read_small("/proc/self/cgroup", groups);
  unsigned limit = 0;
  // Lines are `id:controllers:path`; version 2 has the single line `0::path`.
  char* rest = nullptr;
  for (char* line = ::strtok_r(groups, "\n", &rest); line != nullptr;
       line = ::strtok_r(nullptr, "\n", &rest)) {
    char* controllers = std::strchr(line, ':');
    char* group = controllers ? std::strchr(controllers + 1, ':') : nullptr;
    if (group == nullptr) continue;
    *group++ = '\0';
    ++controllers;
    if (*controllers == '\0')
      limit = smaller_limit(limit, quota_of("/sys/fs/cgroup", group, true));
    else if (std::strcmp(controllers, "cpu") == 0 || std::strcmp(controllers, "cpu,cpuacct") == 0)
      limit = smaller_limit(limit, quota_of("/sys/fs/cgroup/cpu", group, false));
  }
  return limit;
}

// Of the calling thread. False: there are more CPUs than a cpu_set_t can name.
bool read_affinity(cpu_set_t& mask) noexcept {
  CPU_ZERO(&mask);
  return ::sched_getaffinity(0, sizeof mask, &mask) == 0;
}

} // namespace

unsigned quota_from_cpu_max(const char* text) noexcept {
  if (std::strncmp(text, "max", 3) == 0) return 0;
  char* end = nullptr;
  const long quota = std::strtol(text, &end, 10);
  const long period = std::strtol(end, nullptr, 10);
  return round_up_cpus(quota, period);
}

unsigned quota_from_cfs(const char* quota_us, const char* period_us) noexcept {
  return round_up_cpus(std::strtol(quota_us, nullptr, 10), std::strtol(period_us, nullptr, 10));
}

topology read_topology() noexcept {
  cpu_set_t mask;
  unsigned cpus = 1;
  if (read_affinity(mask))
    cpus = static_cast<unsigned>(CPU_COUNT(&mask));
  else if (const long n = ::sysconf(_SC_NPROCESSORS_ONLN); n > 0)
    cpus = static_cast<unsigned>(n);
  if (cpus == 0) cpus = 1;
  const unsigned quota = cgroup_quota();
  return {.processors = quota != 0 && quota < cpus ? quota : cpus, .cpus = cpus};
}

unsigned end_of_cpus() noexcept {
  cpu_set_t mask;
  if (!read_affinity(mask)) return CPU_SETSIZE;
  unsigned end = 1;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &mask)) end = cpu + 1;
  return end;
}

unsigned current_cpu() noexcept {
  const int cpu =
      ::sched_getcpu(); // two loads where the kernel keeps the number in the thread's memory (rseq)
  return cpu < 0 ? 0 : static_cast<unsigned>(cpu);
}

} // namespace thrum::env
