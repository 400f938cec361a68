// Which sanitizer this translation unit is compiled for, as 0/1 macros for both compilers.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define THRUM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THRUM_TSAN 1
#endif
#endif
#if !defined(THRUM_TSAN)
#define THRUM_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define THRUM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define THRUM_ASAN 1
#endif
#endif
#if !defined(THRUM_ASAN)
#define THRUM_ASAN 0
#endif

#if THRUM_TSAN
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace thrum::base {

// A happens-before edge that exists (a private queue, a kernel hand-over) but that the thread sanitizer cannot see.
inline void tsan_release([[maybe_unused]] void* address) noexcept {
#if THRUM_TSAN
  __tsan_release(address);
#endif
}
inline void tsan_acquire([[maybe_unused]] void* address) noexcept {
#if THRUM_TSAN
  __tsan_acquire(address);
#endif
}

// Plain writes in this scope may meet atomic accesses of others, on purpose.
class [[maybe_unused]] tsan_ignore_writes {
public:
  tsan_ignore_writes() noexcept {
#if THRUM_TSAN
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
  }
  ~tsan_ignore_writes() {
#if THRUM_TSAN
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
#endif
  }
  tsan_ignore_writes(const tsan_ignore_writes&) = delete;
  tsan_ignore_writes& operator=(const tsan_ignore_writes&) = delete;
};

} // namespace thrum::base
