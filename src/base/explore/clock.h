// clock: a vector clock of eight 16-bit lanes, one machine register wide. Joining two clocks is one
// instruction, and so is the question "does this clock cover any of these events", which every modelled load
// asks several times.
//
// Lanes 0..6 count the events of the model threads. Lane 7 is not a thread: it carries the time of the latest
// sequentially consistent fence (see the essay in memory.h); joins treat it like any other lane.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace thrum::base::explore {

inline constexpr int max_threads = 7;

class clock {
public:
  using time = std::int16_t;
  static constexpr int lanes = 8;
  static constexpr int sc_lane = 7;
  static constexpr time never = 32767;          // an event that has not happened; no clock covers it
  static constexpr time always = never - 1;     // a clock with this in a lane covers every event of the lane
  static constexpr time last_time = always - 1; // the greatest time an event may carry

  constexpr clock() noexcept : lanes_{} {}
  static constexpr clock all(time value) noexcept { return clock{splat(value)}; }

  // The clock with `value` in one lane and `rest` in the others.
  static clock one(int lane, time value, time rest) noexcept {
    const vector mask = lane_mask(lane);
    return clock{(splat(value) & mask) | (splat(rest) & ~mask)};
  }

  time operator[](int lane) const noexcept { return lanes_[lane]; }

  // Lanes are written with whole-register arithmetic: a two-byte store followed by a sixteen-byte load of the
  // same clock stalls the pipeline, and this happens several times in every modelled step.
  void set(int lane, time value) noexcept { *this = merged(one(lane, value, 0), lane); }
  void tick(int lane) noexcept { lanes_ -= lane_mask(lane); } // the mask is -1 in its lane

  void join(const clock& other) noexcept { lanes_ = lanes_ > other.lanes_ ? lanes_ : other.lanes_; }
  void meet(const clock& other) noexcept { lanes_ = lanes_ < other.lanes_ ? lanes_ : other.lanes_; }

  // Whether any event of `events` (one a lane, `never` where there is none) is covered.
  bool covers_any(const clock& events) const noexcept { return any(events.lanes_ <= lanes_); }
  // Whether every event of `events` is covered (0 where there is none).
  bool covers_all(const clock& events) const noexcept { return !any(events.lanes_ > lanes_); }

private:
  typedef std::int16_t vector __attribute__((vector_size(16)));

  explicit constexpr clock(vector lanes_value) noexcept : lanes_(lanes_value) {}

  static constexpr vector splat(time value) noexcept {
    return vector{value, value, value, value, value, value, value, value};
  }
  static vector lane_mask(int lane) noexcept { return masks[static_cast<unsigned>(lane)].lanes_; }
  clock merged(const clock& other, int lane) const noexcept {
    const vector mask = lane_mask(lane);
    return clock{(other.lanes_ & mask) | (lanes_ & ~mask)};
  }
  // Every lane of `mask` is 0 or -1.
  static bool any(vector mask) noexcept {
#if defined(__SSE2__) // else the mask takes a way through memory, in every modelled load several times
    return _mm_movemask_epi8(reinterpret_cast<__m128i>(mask)) != 0;
#else
    const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(mask);
    return (halves[0] | halves[1]) != 0;
#endif
  }

  static const std::array<clock, lanes> masks;

  vector lanes_;
};

inline constexpr std::array<clock, clock::lanes> clock::masks = {
    clock{vector{-1, 0, 0, 0, 0, 0, 0, 0}}, clock{vector{0, -1, 0, 0, 0, 0, 0, 0}},
    clock{vector{0, 0, -1, 0, 0, 0, 0, 0}}, clock{vector{0, 0, 0, -1, 0, 0, 0, 0}},
    clock{vector{0, 0, 0, 0, -1, 0, 0, 0}}, clock{vector{0, 0, 0, 0, 0, -1, 0, 0}},
    clock{vector{0, 0, 0, 0, 0, 0, -1, 0}}, clock{vector{0, 0, 0, 0, 0, 0, 0, -1}}};

} // namespace thrum::base::explore
