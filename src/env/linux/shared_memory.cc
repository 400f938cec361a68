#include "env/shared_memory.h"

#include "env/linux/quietly.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thrum::env {

namespace {

constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
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
  int error = 0;
  quietly([&] {
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED)
      error = -errno;
    else
      *out = at;
    return 0;
  });
  return error;
}

void unmap_memory(const void* at, std::size_t size) noexcept {
  quietly([&] { return ::munmap(const_cast<void*>(at), size); }); // the system's interface
}

} // namespace thrum::env
