// blocks: what goes through the stages, for the C++ programs. Every 64th byte of a block is looked at: the source writes them, the stages
// add 1 to them, the sink knows what they must be by then.
#pragma once

#include "kit/kit.h"

#include <array>
#include <memory>

struct block {
  std::array<unsigned char, 64 << 10> bytes;
};
using block_ptr = std::unique_ptr<block>;

inline block_ptr new_block() { return std::make_unique_for_overwrite<block>(); }

inline void fill(block& b, long number) {
  for (std::size_t i = 0; i < b.bytes.size(); i += 64)
    b.bytes[i] = static_cast<unsigned char>(static_cast<std::size_t>(number) + i / 64);
}

inline void step(block& b) {
  for (std::size_t i = 0; i < b.bytes.size(); i += 64) ++b.bytes[i];
}

inline bool is_right(const block& b, long number) {
  for (std::size_t i = 0; i < b.bytes.size(); i += 64)
    if (b.bytes[i] != static_cast<unsigned char>(static_cast<std::size_t>(number) + i / 64 + 2)) return false;
  return true;
}

// The slow sink takes 16 blocks (1 MiB) every 5 ms. Calls sleep(seconds) when it has to wait.
template <class Sleep> void keep_slow(long number, double start, Sleep sleep) {
  if (number % 16 != 15) return;
  const double left = start + static_cast<double>(number + 1) / 16 * 5e6 - kit::wall_ns();
  if (left > 0) sleep(left / 1e9);
}

// flow(n, slow) sends n blocks through and returns how many were right.
template <class Flow> void measure_memory(const kit::bench& b, const char* variant, Flow flow) {
  if (!b.wants(variant)) return;
  const long n = b.quick() ? 512 : 2048;
  const double before = kit::peak(), cpu = kit::cpu_ns(), start = kit::wall_ns();
  const long right = flow(n, true);
  const double wall = kit::wall_ns() - start, count = static_cast<double>(n);
  b.emit(variant, n, "memory", std::max(0.0, kit::peak() - before) / (1 << 20), "MiB");
  b.emit(variant, n, "time", wall / 1e3 / count, "us/block");
  b.emit(variant, n, "work", (kit::cpu_ns() - cpu) / 1e3 / count, "us/block");
  b.emit(variant, n, "check", static_cast<double>(right), "count");
}
