#include "sync/unhandled.h"

#include "sched/describe.h"
#include "sched/runtime_core.h"

#include <thrum/detail/unhandled.h>

namespace thrum {

namespace detail {

bool give_to_handler(std::exception_ptr error) noexcept {
  auto& handler = sched::this_fiber()->runtime->on_unhandled;
  if (!handler) return false;
  handler(std::move(error)); // noexcept: if it throws, too, std::terminate
  return true;
}

} // namespace detail

bool sync::report_unseen(const std::exception_ptr& error, const char* what, const char* name,
                         env::report& message) noexcept {
  if (sched::this_fiber() != nullptr && detail::give_to_handler(error)) return false;
  message.text("thrum: ").text(what);
  if (name != nullptr) message.text(" ('").text(name).text("')");
  message.text("\n");
  sched::describe(error, message);
  return true;
}

} // namespace thrum
