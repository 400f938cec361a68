// chooser: answers every question an execution asks ("which thread next", "which of these stores does the
// load return") and remembers the answers, so that the next execution can be a different one and a failing
// one can be repeated.
//
// The answers form a path. Depth-first search keeps, for each question on the path, the answers still to be
// tried, and goes on by changing the last question that has any. The random strategies keep the path only as
// a record. A script, which is such a record written as text, is followed to its end. Thread questions are
// answered with the thread's number and value questions with an index that does not depend on the strategy: a
// script found by one strategy means the same under any other.
#pragma once

#include "base/explore/options.h"

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::base::explore {

inline constexpr int max_choices = 64; // one character of a script each

class chooser {
public:
  void configure(const options& wanted, int threads);
  void follow(std::string_view script); // instead of a strategy

  // For pct: how many steps an execution has. Change points are drawn from that many.
  void set_expected_steps(int steps) noexcept { expected_steps_ = steps; }

  void begin_execution();
  // Moves to the next execution of a search; false when there is none. Random strategies always have one.
  bool next_execution();
  void forget_path() noexcept { path_.clear(); }

  void on_step(int step, int running) noexcept {
    if (mode_ == mode::priorities) change_priority(step, running);
  }

  // Which of the threads in `enabled` (one bit each, more than one set) runs next. `candidates` is the part
  // of it that the bound and the reduction leave; `first` is tried first if it is a candidate.
  // `explored` receives the threads whose executions from this point on are all done.
  int thread(std::uint32_t enabled, std::uint32_t candidates, int first, std::uint32_t& explored) {
    if (depth_ >= known_) return new_thread(enabled, candidates, first, explored);
    const question& known = path_[depth_++];
    explored = known.explored;
    return known.answer;
  }

  // An index below count (which is more than one, at most max_choices) whose bit is set in `allowed`.
  int value(int count, std::uint64_t allowed) {
    return depth_ < known_ ? path_[depth_++].answer : new_value(count, allowed);
  }

  // A search is on its way to the question that it answers anew in this execution: the same has happened before up to here, and
  // what is asked has its answer whatever `candidates` and `allowed` say.
  bool on_known_path() const noexcept { return depth_ < known_; }

  std::uint64_t execution_seed() const noexcept { return execution_seed_; }
  std::string script() const; // the answers given in this execution
  bool searching() const noexcept { return mode_ == mode::search; }
  bool diverged() const noexcept { return diverged_; } // a script did not fit the model

private:
  enum class mode : std::uint8_t { search, uniform, priorities, script };
  struct question {
    std::uint64_t left;     // answers still to be tried, one bit each
    std::uint32_t explored; // thread questions: answers that were tried to their end
    std::uint8_t answer;
    bool is_thread;
  };

  std::uint64_t draw() noexcept; // 64 random bits
  int draw_below(int bound) noexcept {
    return static_cast<int>((draw() >> 32) * static_cast<unsigned>(bound) >> 32);
  }
  int new_thread(std::uint32_t enabled, std::uint32_t candidates, int first, std::uint32_t& explored);
  int new_value(int count, std::uint64_t allowed);
  void change_priority(int step, int running) noexcept;
  int record(int answer) {
    path_.push_back({0, 0, static_cast<std::uint8_t>(answer), false});
    return answer;
  }
  int scripted(std::uint64_t possible);

  mode mode_ = mode::search;
  bool diverged_ = false;
  std::vector<question> path_;
  std::size_t depth_ = 0; // of a search: questions asked in this execution, ...
  std::size_t known_ = 0; // ... and how many of them the path answered when it began

  std::uint64_t base_seed_ = 1;
  std::uint64_t execution_ = 0;
  std::uint64_t execution_seed_ = 1;
  std::uint64_t state_ = 1; // of the generator

  int threads_ = 0;
  int change_points_ = 0;
  int expected_steps_ = 32;
  int next_low_priority_ = 0;
  std::array<int, 8> priority_{};
  std::array<int, 16> change_at_{};

  std::string script_;
};

} // namespace thrum::base::explore
