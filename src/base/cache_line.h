// The distance that keeps two hot words from sharing a cache line (64 on x86-64; 64 or 128 on aarch64: 128 also
// covers the adjacent-line prefetcher). A constant of ours, because std::hardware_destructive_interference_size
// changes with compiler flags and so would the layout of public types.
#pragma once

#include <cstddef>

namespace thrum::base {

inline constexpr std::size_t cache_line = 64;
inline constexpr std::size_t destructive_interference = 128;

} // namespace thrum::base
