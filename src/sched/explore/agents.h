// What most models of primitives need: agents by the index of their model thread, objects that end before their world does, and
// searches with a bound.
#pragma once

#include "base/explore/expect.h"
#include "base/explore/lifetime.h"
#include "sched/explore/explored.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace thrum::sched {

// One for each model thread, all of the same kind.
template <class Agent, int Count> struct explored_agents {
  explored_core core;
  std::array<std::optional<Agent>, Count> all;

  explored_agents() {
    for (auto& each : all) each.emplace(core);
  }
  Agent& operator[](int index) noexcept { return *all[static_cast<std::size_t>(index)]; }
  void runs_here(int index) noexcept { (*this)[index].runs_here(); }
};

// An object in memory of the world that a thread may destroy: every later touch of its atomics is found.
template <class T> class mortal {
public:
  template <class... Arguments> explicit(sizeof...(Arguments) == 1) mortal(Arguments&&... arguments)
      : made_(::new(static_cast<void*>(memory_)) T(std::forward<Arguments>(arguments)...)) {}
  mortal(const mortal&) = delete;
  mortal& operator=(const mortal&) = delete;

  T& operator*() noexcept { return *made_; }
  T* operator->() noexcept { return made_; }
  void end() {
    std::destroy_at(made_);
    base::explore::object_ends(memory_, sizeof memory_);
  }

private:
  alignas(T) unsigned char memory_[sizeof(T)];
  T* const made_;
};

// Counts users of something; who leaves last has seen all others leave.
//   U1  each departure releases, and the last one acquires.
class last_user {
public:
  explicit last_user(int users) noexcept : left_(users) {}
  bool leaves() {
    if (left_.fetch_sub(1, std::memory_order_release) != 1) return false; // U1
    static_cast<void>(left_.load(std::memory_order_acquire));             // U1
    return true;
  }

private:
  base::atomic<int> left_;
};

// A deadline that may pass at any instant (env/explore/world.h).
inline constexpr std::chrono::steady_clock::time_point some_time{std::chrono::nanoseconds(10)};

template <int Preemptions, std::uint64_t Budget = 300'000> inline constexpr base::explore::options bounded{
    .strategy = base::explore::dfs{.preemptions = Preemptions}, .max_executions = Budget};

// The same in worlds that compare_exchange_weak makes too big: here it fails only where it has to.
template <int Preemptions> inline constexpr base::explore::options bounded_without_spurious{
    .strategy = base::explore::dfs{.preemptions = Preemptions},
    .max_executions = 300'000,
    .weak_failures = 0};
inline constexpr base::explore::options without_spurious{.max_executions = 300'000, .weak_failures = 0};

// Beyond the bound of a search: two samples of a big world.
template <class World> void expect_correct_beyond(std::uint64_t executions = 5'000) {
  base::explore::expect_correct<World>({.strategy = base::explore::pct{5}, .max_executions = executions});
  base::explore::expect_correct<World>(
      {.strategy = base::explore::random_walk{}, .max_executions = executions});
}

} // namespace thrum::sched
