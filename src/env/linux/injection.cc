#include "env/linux/injection.h"

#include "env/linux/epoll.h"
#include "env/linux/ring.h"

#include <cerrno>
#include <map>
#include <mutex>

namespace thrum::env {

namespace {

struct watched_descriptor {
  poller* by;
  void* token;
  std::uint16_t tag;
};

struct watch_list {
  std::mutex lock; // guards `all`
  std::map<int, watched_descriptor> all;
};

watch_list& list() {
  static auto* const immortal =
      new watch_list; // descriptors may be closed while static objects are destroyed
  return *immortal;
}

} // namespace

void remember_watched(poller* p, int fd, void* token, std::uint16_t tag) noexcept {
  watch_list& l = list();
  const std::lock_guard hold(l.lock);
  l.all[fd] = {p, token, tag};
}

void forget_watched(int fd) noexcept {
  watch_list& l = list();
  const std::lock_guard hold(l.lock);
  l.all.erase(fd);
}

void forget_all_watched(poller* p) noexcept {
  watch_list& l = list();
  const std::lock_guard hold(l.lock);
  std::erase_if(l.all, [&](const auto& entry) { return entry.second.by == p; });
}

bool announce_again(int fd) noexcept {
  watch_list& l = list();
  const std::lock_guard hold(l.lock);
  const auto found = l.all.find(fd);
  if (found == l.all.end()) return false;
  const int saved = errno;
  const bool done = in_ring(fd)
                        ? ring_report_again(fd) == 0
                        : epoll_rearm(found->second.by, fd, found->second.token, found->second.tag) == 0;
  errno = saved;
  return done;
}

} // namespace thrum::env
