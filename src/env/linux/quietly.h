// Runs one system call and returns its result or the negative errno, leaving the caller's errno alone.
#pragma once

#include <cerrno>

namespace thrum::env {

template <class Call> auto quietly(Call call) noexcept -> decltype(call()) {
  const int saved = errno;
  auto result = call();
  if (result < 0) result = -errno;
  errno = saved;
  return result;
}

} // namespace thrum::env
