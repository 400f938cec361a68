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

// A file without a name, for which prepare(fd) is called, which returns -1 and sets errno if it fails.
template <class Prepare> int make_memory(Prepare prepare) noexcept {
  const int fd = quietly([] { return ::memfd_create("thrum", MFD_CLOEXEC | MFD_ALLOW_SEALING); });
  if (fd < 0) return fd;
  const int done = quietly([&] { return prepare(fd); });
  if (done >= 0) return fd;
  quietly([&] { return ::close(fd); });
  return done;
}

// -EPERM if it does not have these seals: then it might shrink or change under who has it.
int size_of_sealed(int fd, int seals, std::size_t& size) noexcept {
  const int has = quietly([&] { return ::fcntl(fd, F_GET_SEALS); });
  if (has < 0) return has;
  if ((has & seals) != seals) return -EPERM;
  struct ::stat facts{};
  if (const int error = quietly([&] { return ::fstat(fd, &facts); }); error < 0) return error;
  if (facts.st_size <= 0) return -EINVAL;
  size = static_cast<std::size_t>(facts.st_size);
  return 0;
}

int map(int fd, std::size_t size, int protection, int flags, void** out) noexcept {
  return quietly([&] {
    void* const at = ::mmap(nullptr, size, protection, flags, fd, 0);
    if (at == MAP_FAILED) return -1;
    *out = at;
    return 0;
  });
}

} // namespace

int make_sealed_memory(const void* from, std::size_t size) noexcept {
  return make_memory([&](int fd) { return fill(fd, from, size); });
}

int map_sealed_memory(int fd, std::size_t size, const void** out) noexcept {
  std::size_t has = 0;
  if (const int error = size_of_sealed(fd, F_SEAL_SHRINK | F_SEAL_WRITE, has); error < 0) return error;
  if (has != size) return -EINVAL;
  void* at = nullptr;
  const int error = map(fd, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, &at);
  if (error == 0) *out = at;
  return error;
}

int make_shared_memory(std::size_t size) noexcept {
  if (size > std::size_t{PTRDIFF_MAX}) return -ENOMEM;
  return make_memory([&](int fd) {
    const int error = ::ftruncate(fd, static_cast<off_t>(size));
    return error != 0 ? error : ::fcntl(fd, F_ADD_SEALS, fixed_size | F_SEAL_SEAL);
  });
}

int map_shared_memory(int fd, void** out, std::size_t* size) noexcept {
  if (const int error = size_of_sealed(fd, fixed_size, *size); error < 0) return error;
  return map(fd, *size, PROT_READ | PROT_WRITE, MAP_SHARED, out);
}

void unmap_memory(const void* at, std::size_t size) noexcept {
  quietly([&] { return ::munmap(const_cast<void*>(at), size); }); // the system's interface
}

} // namespace thrum::env
