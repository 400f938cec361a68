// For tests of files: a folder for the time of a test, something to write, and calls that fail.
#pragma once

#include "env/env.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace thrum::io::test {

struct scratch {
  std::string path = "/tmp/thrum-file-XXXXXX";
  scratch() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~scratch() { std::filesystem::remove_all(path); }
  std::string name(const char* file) const { return path + '/' + file; }
  std::size_t count() const {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator(path)) ++n;
    return n;
  }
};

inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 % 253);
  return text;
}

// Lets calls about files fail while it lives. Made before the runtime in which they are to fail, and outlives it.
class file_failures {
public:
  file_failures() { env::linux_world().fail_file = &answer; }
  ~file_failures() {
    none();
    env::linux_world().fail_file = nullptr;
  }
  file_failures(const file_failures&) = delete;
  file_failures& operator=(const file_failures&) = delete;

  // From now on, calls of that kind fail with this errno: `how_many`, after the first `before` of them.
  void next(env::file_call call, int error, int before = 0, int how_many = 1) {
    none();
    error_ = error;
    before_ = before;
    how_many_ = how_many;
    call_ = static_cast<int>(call);
  }
  void none() { call_ = nothing; }
  // How many calls of that kind f() makes.
  template <class F> int count(env::file_call call, F f) {
    constexpr int many = 1'000'000;
    next(call, EIO, many);
    f();
    none();
    return many - before_;
  }
  // What next() asked for has happened.
  static bool all_happened() { return how_many_ == 0; }

private:
  static constexpr int nothing = -1;

  static int answer(env::file_call call) noexcept {
    if (static_cast<int>(call) != call_ || before_-- > 0) return 0;
    return how_many_-- > 0 ? -error_ : (how_many_ = 0);
  }

  // Written by one test at a time, read by whatever thread makes a call.
  static inline std::atomic<int> call_{nothing};
  static inline std::atomic<int> error_{0};
  static inline std::atomic<int> before_{0};
  static inline std::atomic<int> how_many_{0};
};

} // namespace thrum::io::test
