// Checks of our own invariants. THRUM_CHECK is compiled into every build, THRUM_DCHECK into debug builds only.
// A failed check means that thrum itself is wrong; misuse by a caller is reported by panic() (env/panic.h).
#pragma once

namespace thrum::env {
// Defined in env/panic.cc: prints the condition, the place and the current fiber, then aborts. Neither allocates
// nor takes a lock.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
} // namespace thrum::env

#define THRUM_CHECK(condition)                                                                               \
  (__builtin_expect(!!(condition), 1) ? (void)0 : ::thrum::env::check_failed(#condition, __FILE__, __LINE__))

#if defined(NDEBUG)
#define THRUM_DCHECK(condition) ((void)0)
#else
#define THRUM_DCHECK(condition) THRUM_CHECK(condition)
#endif
