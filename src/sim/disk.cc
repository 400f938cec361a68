#include "sim/disk.h"

#include "sim/simulator.h"

#include <cerrno>

namespace thrum::sim {

namespace {

// Whether it needs room on the disk.
bool needs_room(disk_call what) noexcept {
  return what == disk_call::make || what == disk_call::write || what == disk_call::resize;
}

} // namespace

disk::disk(simulator& s, const simulated_files& how, std::uint64_t seed) noexcept
    : simulator_(s), how_(how), chance_(seed, drawn_by::disk) {}

int disk::fail(disk_call what, int error) noexcept {
  simulator_.failed_on_disk(what, error);
  return -error;
}

int disk::trouble(disk_call what) noexcept {
  if (needs_room(what) && chance_.happens(how_.full)) return fail(what, ENOSPC);
  if (chance_.happens(how_.broken)) return fail(what, EIO);
  return 0;
}

int disk::trouble(disk_call what, int fd) noexcept { return files_.contains(fd) ? trouble(what) : 0; }

int disk::closed(int fd) noexcept { return files_.erase(fd) != 0 ? trouble(disk_call::close) : 0; }

std::int64_t disk::how_much(disk_call what, int fd, std::size_t size) noexcept {
  if (!files_.contains(fd)) return static_cast<std::int64_t>(size);
  const int error = trouble(what);
  // A disk that becomes full takes what it has room for, and says so at the next write.
  const bool takes_some = error == -ENOSPC && chance_.one_in(2);
  if (error != 0 && !takes_some) return error;
  const bool in_part = size > 1 && (takes_some || chance_.happens(how_.partial));
  return static_cast<std::int64_t>(in_part ? 1 + chance_.below(size - 1) : size);
}

} // namespace thrum::sim
