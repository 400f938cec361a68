// For tests: calls on sockets that fail, or transfer less than they could.
#pragma once

#include "env/env.h"

#include <atomic>
#include <cstddef>

namespace thrum::net::test {

// Lets the call of that kind fail with this errno after `before` others, while it lives. Made before the runtime in which it
// is to fail, and outlives it. One at a time.
class failing_call {
public:
  failing_call(env::socket_call call, int error, int before) {
    call_ = call;
    error_ = error;
    left_ = before;
    env::linux_world().fail_socket = &answer;
  }
  ~failing_call() { env::linux_world().fail_socket = nullptr; }
  failing_call(const failing_call&) = delete;
  failing_call& operator=(const failing_call&) = delete;

  bool has_failed() const noexcept { return left_ < 0; }

private:
  static int answer(env::socket_call call, std::size_t*) noexcept {
    if (call != call_) return 0;
    return left_.fetch_sub(1, std::memory_order_relaxed) == 0 ? -error_ : 0; // relaxed: a count
  }

  static inline std::atomic<env::socket_call> call_{};
  static inline std::atomic<int> error_{0};
  static inline std::atomic<int> left_{0};
};

// While it lives, reads and writes of connections transfer 1 to `most` bytes each, though more would go through.
class short_transfers {
public:
  explicit short_transfers(unsigned most) {
    most_ = most;
    cut_ = 0;
    env::linux_world().fail_socket = &answer;
  }
  ~short_transfers() { env::linux_world().fail_socket = nullptr; }
  short_transfers(const short_transfers&) = delete;
  short_transfers& operator=(const short_transfers&) = delete;

  unsigned cut() const noexcept { return cut_; } // so many were

private:
  static int answer(env::socket_call call, std::size_t* size) noexcept {
    if (call != env::socket_call::read && call != env::socket_call::write) return 0;
    const unsigned n = asked_.fetch_add(1, std::memory_order_relaxed); // relaxed: a count
    const std::size_t allowed = 1 + (n * 2654435761u >> 8) % most_;
    if (*size > allowed) {
      *size = allowed;
      cut_.fetch_add(1, std::memory_order_relaxed); // relaxed: a count
    }
    return 0;
  }

  static inline std::atomic<unsigned> most_{1};
  static inline std::atomic<unsigned> asked_{0};
  static inline std::atomic<unsigned> cut_{0};
};

} // namespace thrum::net::test
