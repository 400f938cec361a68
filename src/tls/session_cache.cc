#include "tls/session_cache.h"

#include <utility>

namespace thrum::tls {

void session_cache::put(const std::string& host, session_owner session) {
  if (most_ == 0) return;
  session_owner oldest; // freed after the lock
  std::list<entry> dropped;
  const std::lock_guard hold(lock_);
  auto found = by_host_.find(host);
  if (found == by_host_.end()) {
    by_use_.push_front({host, {}});
    found = by_host_.emplace(host, by_use_.begin()).first;
    if (by_host_.size() > most_) {
      by_host_.erase(by_use_.back().host);
      dropped.splice(dropped.begin(), by_use_, std::prev(by_use_.end()));
    }
  } else {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
  }
  auto& newest = found->second->newest;
  oldest = std::move(newest[1]);
  newest[1] = std::exchange(newest[0], std::move(session));
}

session_owner session_cache::take(const std::string& host) {
  const std::lock_guard hold(lock_);
  const auto found = by_host_.find(host);
  if (found == by_host_.end()) return nullptr;
  auto& newest = found->second->newest;
  session_owner taken = std::exchange(newest[0], std::move(newest[1]));
  if (newest[0] == nullptr) {
    by_use_.erase(found->second);
    by_host_.erase(found);
  }
  return taken;
}

} // namespace thrum::tls
