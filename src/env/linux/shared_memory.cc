#include "env/shared_memory.h"

#include "env/linux/quietly.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thrum::env {

namespace {

constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr int fixed_size = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr std::size_t most_at_once = std::size_t{1} << 30;

int fill(int fd, const void* from, std::size_t size) noexcept {
  const auto* bytes = static_cast<const char*>(from);
  while (size != 0) {
    const auto n = ::write(fd, bytes, std::min(size, most_at_once));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return ::fcntl(fd, F_ADD_SEALS, all_seals);
}

} // namespace

int make_sealed_memory(const void* from, std::size_t size) noexcept {
  const int fd = quietly([] { return ::memfd_create("thrum", MFD_CLOEXEC | MFD_ALLOW_SEALING); });
  if (fd < 0) return fd;
  const int done = quietly([&] { return fill(fd, from, size); });
  if (done >= 0) return fd;
  quietly([&] { return ::close(fd); });
  return done;
}

int map_sealed_memory(int fd, std::size_t size, const void** out) noexcept {
  const int seals = quietly([&] { return ::fcntl(fd, F_GET_SEALS); });
  if (seals < 0) return seals;
  if ((seals & (F_SEAL_SHRINK | F_SEAL_WRITE)) != (F_SEAL_SHRINK | F_SEAL_WRITE)) return -EPERM;
  struct ::stat facts{};
  if (const int error = quietly([&] { return ::fstat(fd, &facts); }); error < 0) return error;
  if (size == 0 || facts.st_size < 0 || static_cast<std::size_t>(facts.st_size) != size) return -EINVAL;
  void* at = MAP_FAILED;
  const int error = quietly([&] {
    at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    return at == MAP_FAILED ? -1 : 0;
  });
  if (error < 0) return error;
  *out = at;
  return 0;
}

int make_shared_memory(std::size_t size) noexcept {
  if (size > std::size_t{PTRDIFF_MAX}) return -ENOMEM;
  const int fd = quietly([] { return ::memfd_create("thrum", MFD_CLOEXEC | MFD_ALLOW_SEALING); });
  if (fd < 0) return fd;
  const int done = quietly([&] {
    const int error = ::ftruncate(fd, static_cast<off_t>(size));
    return error != 0 ? error : ::fcntl(fd, F_ADD_SEALS, fixed_size | F_SEAL_SEAL);
  });
  if (done >= 0) return fd;
  quietly([&] { return ::close(fd); });
  return done;
}

int map_shared_memory(int fd, void** out, std::size_t* size) noexcept {
  const int seals = quietly([&] { return ::fcntl(fd, F_GET_SEALS); });
  if (seals < 0) return seals;
  if ((seals & fixed_size) != fixed_size) return -EPERM;
  struct ::stat facts{};
  if (const int error = quietly([&] { return ::fstat(fd, &facts); }); error < 0) return error;
  if (facts.st_size <= 0) return -EINVAL;
  void* at = MAP_FAILED;
  const int error = quietly([&] {
    at = ::mmap(nullptr, static_cast<std::size_t>(facts.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? -1 : 0;
  });
  if (error < 0) return error;
  *out = at;
  *size = static_cast<std::size_t>(facts.st_size);
  return 0;
}

void unmap_memory(const void* at, std::size_t size) noexcept {
  quietly([&] { return ::munmap(const_cast<void*>(at), size); }); // the system's interface
}

} // namespace thrum::env
