// sharded_counter: a number that many processors add to at the same time, each in a cache line of its own.
//
//   thrum::sharded_counter requests;
//   thrum::wait_group all;
//   for (int i = 0; i < 8; ++i) all.go([&] {
//     for (int k = 0; k < 1000; ++k) requests.add();
//   });
//   all.wait();
//   report("requests: " + std::to_string(requests.sum()));
//
// For counts that are added to very often and read now and then: requests, bytes, hits. One std::atomic does the same as long as
// one processor adds, and in less memory; two that add to it spend their time handing its cache line to each other.
//
// What the caller owes   The sum stays within 64 bits; it wraps around beyond.
// What is guaranteed     sum() is exact while nobody adds. Beside those who add, it has every add() that happened before it
//                        began, and of those that overlap it some: with positive numbers only, never less than the count
//                        was when it began, nor more than it is when it returns. take() leaves out nothing and takes nothing
//                        twice: what it returned and what later ones return add up to everything added.
// May park               never.
// Happens-before         nothing: a sum is no signal that something is done.
// When it dies           Nobody may be in a call of it then.
// Errors                 std::bad_alloc, when it is made.
// Cost                   add: 4 ns, whoever else adds; a std::atomic takes 2 ns alone, and 8 ns where two CPUs add (November 2026,
//                        two CPUs; with more it gets worse). sum and take: all lines. 128 bytes for each CPU that the thread
//                        which makes it may use, by its number and rounded up to a power of two; at most 16 KiB.
// Source of the idea     Java's LongAdder; per-CPU counters of Linux.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace thrum {

namespace detail {

unsigned current_cpu() noexcept; // a hint: it may be another one before this has returned

} // namespace detail

class sharded_counter {
public:
  sharded_counter();
  ~sharded_counter();
  sharded_counter(const sharded_counter&) = delete;
  sharded_counter& operator=(const sharded_counter&) = delete;

  void add(std::int64_t n = 1) noexcept {
    shards_[detail::current_cpu() & mask_].count.fetch_add(
        n, std::memory_order_relaxed); // relaxed: only the number counts
  }
  [[nodiscard]] std::int64_t sum() const noexcept;
  // The sum, and from now on it counts from zero.
  [[nodiscard]] std::int64_t take() noexcept;

private:
  struct alignas(128) shard {
    std::atomic<std::int64_t> count{0};
  };

  const unsigned mask_;
  shard* const shards_; // mask_ + 1 of them
};

} // namespace thrum
