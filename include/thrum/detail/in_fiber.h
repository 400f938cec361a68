// Serves with_timeout.h and stop_token.h: what only fibers can do, for callers that may be plain threads.
#pragma once

#include <thrum/detail/joinable.h>
#include <thrum/spawn.h>

#include <functional>
#include <type_traits>
#include <utility>

namespace thrum::detail {

// f(), in the calling fiber; on a plain thread in a fiber of the default runtime, for which the thread waits.
template <class F> std::invoke_result_t<F> call_in_fiber(F&& f) {
  if (inside_fiber()) return std::invoke(std::forward<F>(f));
  return spawn([&f]() -> std::invoke_result_t<F> { return std::invoke(std::forward<F>(f)); }).join();
}

} // namespace thrum::detail
