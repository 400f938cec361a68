#include "sched/runtime_core.h"

#include <thrum/detail/unhandled.h>

namespace thrum::detail {

bool give_to_handler(std::exception_ptr error) noexcept {
  auto& handler = sched::this_fiber()->runtime->on_unhandled;
  if (!handler) return false;
  handler(std::move(error)); // noexcept: if it throws, too, std::terminate
  return true;
}

} // namespace thrum::detail
