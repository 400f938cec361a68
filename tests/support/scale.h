// How often a test repeats. Sanitizers slow a program down 3 to 30 times, and stress_test repeats everything itself, so
// heavy counts are written for a plain debug build and shrink from there.
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(__SANITIZE_THREAD__)
#define THRUM_TEST_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define THRUM_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THRUM_TEST_TSAN 1
#elif __has_feature(address_sanitizer)
#define THRUM_TEST_ASAN 1
#endif
#endif

namespace test {

#if defined(THRUM_TEST_TSAN)
inline constexpr bool tsan = true;
#else
inline constexpr bool tsan = false;
#endif
#if defined(THRUM_TEST_ASAN)
inline constexpr bool asan = true;
#else
inline constexpr bool asan = false;
#endif

inline std::size_t shrink = 1; // stress_test sets it: many short repetitions find more than few long ones

// `n` repetitions in a plain build; fewer where each costs more.
inline std::size_t times(std::size_t n) {
  const std::size_t fewer = n / ((tsan ? 10 : asan ? 4 : 1) * shrink);
  return fewer == 0 ? 1 : fewer;
}

// THRUM_STRESS in the environment asks for the long form of everything: 0 if it is not set.
inline std::size_t stress() {
  const char* text = std::getenv("THRUM_STRESS");
  return text == nullptr ? 0 : std::strtoul(text, nullptr, 10);
}

} // namespace test
