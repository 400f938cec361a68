// The bookkeeping of a search, the random strategies, and scripts.
#include "base/explore/chooser.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace thrum::base::explore {

namespace {

// One character for each answer: a script stays readable and fits a command line.
constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
static_assert(digits.size() == max_choices);

std::uint64_t mixed(std::uint64_t x) noexcept { // the finalizer of splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;

// Few bits are ever set, and the baseline instruction sets lack a fast count.
int count_set_bits(std::uint64_t bits) noexcept {
  int n = 0;
  for (; bits != 0; bits &= bits - 1) ++n;
  return n;
}
int nth_set_bit(std::uint64_t bits, int n) noexcept {
  for (; n > 0; --n) bits &= bits - 1;
  return std::countr_zero(bits);
}

} // namespace

void chooser::configure(const options& wanted, int threads) {
  mode_ = std::holds_alternative<dfs>(wanted.strategy)           ? mode::search
          : std::holds_alternative<random_walk>(wanted.strategy) ? mode::uniform
                                                                 : mode::priorities;
  if (const pct* p = std::get_if<pct>(&wanted.strategy))
    change_points_ = std::clamp(p->depth - 1, 0, static_cast<int>(change_at_.size()));
  threads_ = threads;
  base_seed_ = wanted.seed;
  execution_ = 0;
  diverged_ = false;
  path_.clear();
  path_.reserve(4096);
}

void chooser::follow(std::string_view script) {
  mode_ = mode::script;
  script_ = script;
  diverged_ = false;
}

void chooser::begin_execution() {
  depth_ = known_ = 0;
  if (mode_ == mode::search) {
    known_ = path_.size();
    return;
  }
  path_.clear();
  // Each execution has a seed of its own, the first one the seed that was asked for: so the seed printed for
  // a failing execution makes it the first one of a new run.
  execution_seed_ = base_seed_ + execution_ * golden;
  state_ = mixed(execution_seed_);
  ++execution_;
  if (mode_ != mode::priorities) return;
  for (int i = 0; i < threads_; ++i) priority_[static_cast<unsigned>(i)] = 1 + i;
  for (int i = threads_ - 1; i > 0; --i)
    std::swap(priority_[static_cast<unsigned>(i)], priority_[static_cast<unsigned>(draw_below(i + 1))]);
  for (int i = 0; i < change_points_; ++i)
    change_at_[static_cast<unsigned>(i)] = 1 + draw_below(expected_steps_);
  next_low_priority_ = 0;
}

bool chooser::next_execution() {
  if (mode_ != mode::search) return mode_ != mode::script;
  while (!path_.empty()) {
    question& last = path_.back();
    if (last.left != 0) {
      if (last.is_thread) last.explored |= 1u << last.answer;
      last.answer = static_cast<std::uint8_t>(std::countr_zero(last.left));
      last.left &= last.left - 1;
      return true;
    }
    path_.pop_back();
  }
  return false;
}

int chooser::new_thread(std::uint32_t enabled, std::uint32_t candidates, int first, std::uint32_t& explored) {
  explored = 0;
  switch (mode_) {
  case mode::search: {
    const int answer = (candidates >> first & 1u) != 0 ? first : std::countr_zero(candidates);
    path_.push_back({candidates & ~(1u << answer), 0, static_cast<std::uint8_t>(answer), true});
    ++depth_;
    return answer;
  }
  case mode::uniform: return record(nth_set_bit(enabled, draw_below(count_set_bits(enabled))));
  case mode::priorities: {
    int best = -1;
    for (std::uint32_t left = enabled; left != 0; left &= left - 1) {
      const int t = std::countr_zero(left);
      if (best < 0 || priority_[static_cast<unsigned>(t)] > priority_[static_cast<unsigned>(best)]) best = t;
    }
    return record(best);
  }
  case mode::script: return scripted(enabled);
  }
  return first;
}

int chooser::new_value(int count, std::uint64_t allowed) {
  switch (mode_) {
  case mode::search: {
    const int answer = std::countr_zero(allowed);
    path_.push_back({allowed & (allowed - 1), 0, static_cast<std::uint8_t>(answer), false});
    ++depth_;
    return answer;
  }
  case mode::uniform:
  case mode::priorities: {
    const int answer = draw_below(count);
    return record((allowed >> answer & 1u) != 0 ? answer : std::countr_zero(allowed));
  }
  case mode::script: return scripted(allowed);
  }
  return 0;
}

int chooser::scripted(std::uint64_t possible) {
  int answer = std::countr_zero(possible);
  if (path_.size() < script_.size()) {
    const std::size_t digit = digits.find(script_[path_.size()]);
    if (digit != std::string_view::npos && (possible >> digit & 1u) != 0)
      answer = static_cast<int>(digit);
    else
      diverged_ = true;
  }
  return record(answer);
}

std::string chooser::script() const {
  std::string text;
  const std::size_t length = mode_ == mode::search ? depth_ : path_.size();
  for (std::size_t i = 0; i < length; ++i) text += digits[path_[i].answer];
  return text;
}

std::uint64_t chooser::draw() noexcept {
  state_ += golden;
  return mixed(state_);
}

void chooser::change_priority(int step, int running) noexcept {
  for (int i = 0; i < change_points_; ++i)
    if (change_at_[static_cast<unsigned>(i)] == step)
      priority_[static_cast<unsigned>(running)] = next_low_priority_--;
}

} // namespace thrum::base::explore
