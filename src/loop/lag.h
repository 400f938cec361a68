// lag_histogram: how late things are, in buckets whose width is an eighth of their value, so quantiles are at most 12 % too high.
//
// Written by who is on the loop's strand, read by anybody. A reader may see a sample counted in one place and not yet in another.
#pragma once

#include "base/atomic.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace thrum::loop {

class lag_histogram {
public:
  void record(std::int64_t nanoseconds) noexcept {
    const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
    bump(buckets_[bucket_of(n)]);
    bump(count_);
    if (n > max_.load(std::memory_order_relaxed)) // relaxed: one writer; a number
      max_.store(n, std::memory_order_relaxed);   // relaxed: a number
  }
  std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); } // relaxed: a number
  std::int64_t max() const noexcept {
    return static_cast<std::int64_t>(max_.load(std::memory_order_relaxed)); // relaxed: a number
  }
  // What a part of `q` of all samples does not exceed; 0 if there are none.
  std::int64_t quantile(double q) const noexcept {
    std::array<std::uint64_t, bucket_count> seen;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < bucket_count; ++i)
      all += seen[i] = buckets_[i].load(std::memory_order_relaxed); // relaxed: numbers
    if (all == 0) return 0;
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::clamp(q, 0.0, 1.0) * static_cast<double>(all) + 0.5));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < bucket_count; ++i)
      if ((below += seen[i]) >= wanted) return std::min(static_cast<std::int64_t>(last_of(i)), max());
    return max();
  }
  void reset() noexcept {
    for (auto& b : buckets_) b.store(0, std::memory_order_relaxed); // relaxed: numbers
    count_.store(0, std::memory_order_relaxed);                     // relaxed: a number
    max_.store(0, std::memory_order_relaxed);                       // relaxed: a number
  }

  // Below 8 each value has a bucket; above, each power of two has eight.
  static constexpr std::size_t bucket_of(std::uint64_t n) noexcept {
    if (n < 8) return static_cast<std::size_t>(n);
    const auto power = static_cast<unsigned>(std::bit_width(n)) - 4; // n >> power is 8 to 15
    return std::min<std::size_t>(8 * power + static_cast<std::size_t>(n >> power), bucket_count - 1);
  }
  static constexpr std::uint64_t last_of(std::size_t bucket) noexcept {
    if (bucket < 8) return bucket;
    const std::size_t power = bucket / 8 - 1;
    return ((bucket % 8 + 9) << power) - 1;
  }

private:
  static constexpr std::size_t bucket_count = 8 * 40; // the last one: an hour and more

  using counter = base::atomic<std::uint64_t>;
  static void bump(counter& c) noexcept {
    c.store(c.load(std::memory_order_relaxed) + 1,
            std::memory_order_relaxed); // relaxed: one writer; a number
  }

  std::array<counter, bucket_count> buckets_{};
  counter count_{0};
  counter max_{0};
};

} // namespace thrum::loop
