#include "sim/strategy.h"

#include <algorithm>
#include <functional>

namespace thrum::sim {

namespace {

bool wants_ranks(const simulation_options& o, std::uint64_t seed) noexcept {
  switch (o.strategy) {
  case simulation_strategy::uniform: return false;
  case simulation_strategy::priorities: return true;
  case simulation_strategy::both: break;
  }
  return seed % 2 == 1;
}

} // namespace

strategy::strategy(const simulation_options& o, std::uint64_t seed)
    : chance_(seed, drawn_by::schedule), by_rank_(wants_ranks(o, seed)) {
  if (by_rank_) {
    for (unsigned i = 1; i < o.depth; ++i) {
      const std::uint64_t magnitude = chance_.below(17);
      points_.push_back(1 + chance_.below(std::uint64_t{1} << magnitude));
    }
    std::sort(points_.begin(), points_.end(), std::greater<>());
  } else {
    constexpr std::uint64_t rates[] = {0, 2, 4, 16};
    one_in_ = rates[chance_.below(4)];
  }
}

void strategy::begins(std::uint64_t fiber, std::uint64_t rank) {
  if (by_rank_) ranks_[fiber] = rank;
}

void strategy::falls(std::uint64_t fiber) {
  if (by_rank_) ranks_[fiber] = --lowest_;
}

std::uint64_t strategy::rank_of(const candidate& c) const noexcept {
  if (c.fiber == 0) return c.rank;
  const auto found = ranks_.find(c.fiber);
  return found != ranks_.end() ? found->second : above;
}

std::size_t strategy::choose(const std::vector<candidate>& all) {
  if (!by_rank_) return chance_.below(all.size());
  std::size_t best = 0;
  std::uint64_t highest = rank_of(all[0]);
  for (std::size_t i = 1; i < all.size(); ++i)
    if (const std::uint64_t rank = rank_of(all[i]); rank > highest) {
      highest = rank;
      best = i;
    }
  return best;
}

bool strategy::interrupts(std::uint64_t fiber, const std::vector<candidate>& all) {
  ++steps_;
  if (!by_rank_) return one_in_ != 0 && chance_.one_in(one_in_);
  while (!points_.empty() && points_.back() <= steps_) {
    points_.pop_back();
    falls(fiber);
  }
  const std::uint64_t mine = rank_of({nullptr, fiber, 0});
  return std::any_of(all.begin(), all.end(), [&](const candidate& c) { return rank_of(c) > mine; });
}

} // namespace thrum::sim
