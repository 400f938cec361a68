// The kernel's side of one descriptor, for explorations: a stream that others fill, what the poller was told to watch, and the
// number, which must not be used after it was closed. The descriptor's memory is the world's (descriptor_pool.h).
//
// Orderings
//   Z1  bytes: each call is one step of the kernel, which sees all before it: read-modify-writes that acquire and release.
#pragma once

#include "base/explore/explore.h"
#include "env/explore/world.h"
#include "io/descriptor.h"
#include "sched/explore/explored.h"

#include <cerrno>

namespace thrum::io {

struct explored_kernel final : env::explored::world {
  static constexpr int first_number = 7;

  // ---- what a peer does
  void arrive(int n) noexcept { bytes_.fetch_add(n, std::memory_order_acq_rel); } // Z1
  int bytes() noexcept { return bytes_.fetch_add(0, std::memory_order_acq_rel); } // Z1

  // ---- what the poller says, as of now; at the registration of that time
  static env::readiness report(std::uint16_t tag) noexcept {
    return {
        .token = nullptr, .tag = tag, .readable = true, .writable = false, .hangup = false, .tail = false};
  }

  // ---- system calls
  std::int64_t read(int fd, void*, std::size_t size) noexcept override {
    expect_open(fd);
    const int there = bytes();
    if (there == 0) return -EAGAIN;
    const int n = there < static_cast<int>(size) ? there : static_cast<int>(size);
    bytes_.fetch_sub(n, std::memory_order_acq_rel); // Z1; there is one reader at a time
    return n;
  }
  env::readiness look(int fd) noexcept override {
    expect_open(fd);
    env::readiness now = report(0);
    now.readable = bytes() != 0;
    return now;
  }
  int close(int fd) noexcept override {
    expect_open(fd);
    open_.set(0);
    ++closed;
    return 0;
  }
  int watch(env::poller*, int fd, void*, std::uint16_t tag) noexcept override {
    open_.set(fd);
    watched_tag = tag;
    return 0;
  }
  void unwatch(env::poller*, int fd) noexcept override { expect_open(fd); }

  int closed = 0;                // how often
  std::uint16_t watched_tag = 0; // of the last registration

private:
  // Races with close().
  void expect_open(int fd) const {
    base::explore::require(open_.get() == fd, "a number is used while it is open");
  }

  base::atomic<int> bytes_{0};
  base::explore::plain<int> open_; // the number, or 0
};

// A world's descriptor: the only one that its pool has.
class explored_descriptor {
public:
  explicit explored_descriptor(sched::explored_core& c) noexcept;
  explored_descriptor(const explored_descriptor&) = delete;
  explored_descriptor& operator=(const explored_descriptor&) = delete;
  ~explored_descriptor();

  // Requires: the caller is a worker of that runtime.
  descriptor& open(int fd, std::uint32_t ready) noexcept;
  descriptor& operator*() noexcept { return memory_; }
  descriptor* operator->() noexcept { return &memory_; }

private:
  sched::runtime_core& core_;
  descriptor memory_;
};

} // namespace thrum::io
