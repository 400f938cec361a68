#include "env/linux/memory.h"

#include "env/linux/quietly.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(MADV_GUARD_INSTALL)
#define MADV_GUARD_INSTALL 102 // Linux 6.13
#endif
#if !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 // Linux 5.14
#endif
#if !defined(PIDFD_SELF_THREAD_GROUP)
#define PIDFD_SELF_THREAD_GROUP (-10001) // Linux 6.15; no descriptor, so older ones say EBADF
#endif

namespace thrum::env {

namespace {

void* map_aligned(std::size_t bytes, std::size_t alignment) noexcept {
  constexpr std::size_t page = 4096;
  const std::size_t slack = alignment > page ? alignment : 0;
  void* raw = ::mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto start = reinterpret_cast<std::uintptr_t>(raw);
  if (slack != 0) {
    const std::uintptr_t aligned = (start + alignment - 1) & ~(alignment - 1);
    if (aligned != start) ::munmap(raw, aligned - start);
    const std::uintptr_t tail = start + slack - aligned;
    if (tail != 0) ::munmap(reinterpret_cast<void*>(aligned + bytes), tail);
    start = aligned;
  }
  auto* result = reinterpret_cast<void*>(start);
  // A huge page would commit many stacks at the first touch of one.
  ::madvise(result, bytes, MADV_NOHUGEPAGE);
  return result;
}

// Advises on all ranges and returns how many took it, beginning with the first. One call for many may be refused where that
// for one is not: by a kernel before 6.15, or by a filter.
unsigned advise_all(char* const* addresses, unsigned count, std::size_t bytes, int advice) noexcept {
  if (count == 1) return quietly([&] { return ::madvise(addresses[0], bytes, advice); }) == 0;
  constexpr unsigned most = 64;
  unsigned done = 0;
  while (done < count) {
    ::iovec ranges[most];
    const unsigned n = std::min(count - done, most);
    for (unsigned i = 0; i < n; ++i) ranges[i] = {addresses[done + i], bytes};
    const long result = quietly(
        [&] { return ::syscall(SYS_process_madvise, PIDFD_SELF_THREAD_GROUP, ranges, n, advice, 0); });
    if (result > 0) done += static_cast<unsigned>(static_cast<std::size_t>(result) / bytes);
    if (result != static_cast<long>(n * bytes)) break;
  }
  return done;
}

// The kernel reads the signals of a call that is wrong otherwise, and says EFAULT first where it cannot.
bool readable(const void* address) noexcept {
  constexpr int no_such_way = -1;
  return quietly([&] {
           return ::syscall(SYS_rt_sigprocmask, no_such_way, address, nullptr, std::size_t{_NSIG / 8});
         }) != -EFAULT;
}

// An emulator may take an advice that it does not know and do nothing (qemu-user does): so the first marker decides.
bool is_marked(char* first) noexcept {
  static const bool they_hold = !readable(first);
  return they_hold;
}

// Each protected page range splits a mapping in two; a third of what the kernel allows leaves room for everybody else.
unsigned protection_budget() noexcept {
  static const unsigned budget = [] {
    unsigned maps = 65530;
    if (std::FILE* f = std::fopen("/proc/sys/vm/max_map_count", "re")) {
      if (std::fscanf(f, "%u", &maps) != 1) maps = 65530;
      std::fclose(f);
    }
    return maps / 6;
  }();
  return budget;
}

constinit std::atomic<unsigned> protected_guards{0};

guard_kind guard_one(char* address, std::size_t bytes, bool may_mark) noexcept {
  if (may_mark && advise_all(&address, 1, bytes, MADV_GUARD_INSTALL) == 1 && is_marked(address))
    return guard_kind::marker;
  if (protected_guards.fetch_add(1, std::memory_order_relaxed) <
          protection_budget() && // relaxed: only a count
      quietly([&] { return ::mprotect(address, bytes, PROT_NONE); }) == 0)
    return guard_kind::protection;
  return guard_kind::none;
}

} // namespace

void* map_memory(std::size_t bytes, std::size_t alignment) noexcept {
  const int saved = errno;
  void* result = map_aligned(bytes, alignment);
  errno = saved;
  return result;
}

void unmap_memory(void* address, std::size_t bytes) noexcept {
  const int error = quietly([&] { return ::munmap(address, bytes); });
  // ENOMEM: the process is at vm.max_map_count and the kernel cannot split a mapping. Give the pages back at least.
  if (error != 0) discard_memory(address, bytes);
}

void discard_memory(void* address, std::size_t bytes) noexcept {
  quietly([&] { return ::madvise(address, bytes, MADV_DONTNEED); });
}

bool memory_resident(void* address, std::size_t bytes, unsigned char* pages) noexcept {
  return quietly([&] { return ::mincore(address, bytes, pages); }) == 0;
}

guard_kind guard_memory(char* const* addresses, unsigned count, std::size_t bytes,
                        decltype(world::fault) fault) noexcept {
  unsigned marked = fault != nullptr ? 0 : advise_all(addresses, count, bytes, MADV_GUARD_INSTALL);
  if (marked != 0 && !is_marked(addresses[0])) marked = 0;
  auto weakest = guard_kind::marker;
  for (unsigned i = marked; i < count; ++i)
    weakest =
        std::max(weakest, guard_one(addresses[i], bytes, fault == nullptr || !fault(fault_site::guard)));
  return weakest;
}

void commit_memory(char* const* addresses, unsigned count, std::size_t bytes) noexcept {
  advise_all(addresses, count, bytes, MADV_POPULATE_WRITE);
}

} // namespace thrum::env
