#include "sync/holders.h"

#include <cstddef>
#include <thrum/mutex.h>
#include <thrum/once.h>
#include <thrum/shared_mutex.h>

namespace thrum::sync {

struct holder_layout {
  static constexpr std::size_t of_mutex = offsetof(mutex, owner_);
  static constexpr std::size_t of_shared_mutex = offsetof(shared_mutex, owner_);
  static constexpr std::size_t of_once = offsetof(once_flag, caller_);
};

holder_word holder_word_of(wait::reason why, const void* primitive) noexcept {
  if (primitive == nullptr) return {};
  const auto* bytes = static_cast<const unsigned char*>(primitive);
  switch (why) {
  case wait::reason::mutex: return {bytes + holder_layout::of_mutex};
  case wait::reason::shared_mutex: return {bytes + holder_layout::of_shared_mutex};
  case wait::reason::once: return {bytes + holder_layout::of_once};
  case wait::reason::join: return {runner_word_of(primitive), true};
  default: return {};
  }
}

} // namespace thrum::sync
