// sharded_counter: which line belongs to whom.
//
// By the number of the CPU, not of the thread or the processor (the scheduler's): only one thread runs on a CPU at a time, so as
// long as numbers do not share a line nobody is in the way. Threads are more than CPUs, and their hashes collide; a processor is
// lost while its fiber computes. The number is stale as soon as it is read; so the addition is atomic, and then it does not matter
// which line it goes to.
#include "env/env.h"

#include <algorithm>
#include <bit>
#include <thrum/sharded_counter.h>

namespace thrum {

namespace {

constexpr unsigned most_shards = 128; // 16 KiB

// From the highest number that may occur, not from how many there are: a process that may use the CPUs 1 and 3 only needs two lines
// that are not the same. Asked anew each time, because the first counter may be made by a thread that is bound to one CPU.
unsigned shards_wanted() noexcept { return std::bit_ceil(std::min(env::end_of_cpus(), most_shards)); }

} // namespace

namespace detail {
unsigned current_cpu() noexcept { return env::current_cpu(); }
} // namespace detail

sharded_counter::sharded_counter() : mask_(shards_wanted() - 1), shards_(new shard[mask_ + 1]) {}
sharded_counter::~sharded_counter() { delete[] shards_; }

std::int64_t sharded_counter::sum() const noexcept {
  std::uint64_t all = 0; // wraps around without a fault
  for (unsigned i = 0; i <= mask_; ++i)
    all += static_cast<std::uint64_t>(
        shards_[i].count.load(std::memory_order_relaxed)); // relaxed: only the number counts
  return static_cast<std::int64_t>(all);
}

std::int64_t sharded_counter::take() noexcept {
  std::uint64_t all = 0;
  for (unsigned i = 0; i <= mask_; ++i)
    all += static_cast<std::uint64_t>(
        shards_[i].count.exchange(0, std::memory_order_relaxed)); // relaxed: as in sum()
  return static_cast<std::int64_t>(all);
}

} // namespace thrum
