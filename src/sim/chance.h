// chance: random numbers from a seed, the same on every machine. xoshiro would do as well; splitmix64 needs one word.
#pragma once

#include <cstdint>

namespace thrum::sim {

constexpr std::uint64_t mix(std::uint64_t z) noexcept { // the finalizer of splitmix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Who draws: each has a stream of the seed of its own.
enum class drawn_by : std::uint64_t { schedule = 1, user, other, network, local, disk };

class chance {
public:
  // Streams of one seed do not depend on each other: whoever draws from one does not change what another gives.
  chance(std::uint64_t seed, drawn_by who) noexcept
      : state_(mix(seed + 0x9e3779b97f4a7c15u) ^ mix(~static_cast<std::uint64_t>(who))) {}

  std::uint64_t next() noexcept { return mix(state_ += 0x9e3779b97f4a7c15u); }
  // Less than n. Requires: n != 0. (The bias of a modulus does not matter for n this small.)
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }
  // Draws nothing if it never does: a run without it is the run that it was.
  bool happens(double probability) noexcept {
    constexpr std::uint64_t parts = std::uint64_t{1} << 32;
    return probability > 0 && static_cast<double>(below(parts)) < probability * static_cast<double>(parts);
  }

private:
  std::uint64_t state_;
};

} // namespace thrum::sim
