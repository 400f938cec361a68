// What a model is written with. Include this in an x_explore.cc or x_test.cc that is compiled with
// THRUM_EXPLORE.
//
//   struct hand_over {
//     static constexpr int threads = 2;
//     base::atomic<bool> ready{false};
//     explore::plain<int> data;
//     void thread(int index) {
//       if (index == 0) {
//         data.set(7);
//         ready.store(true, std::memory_order_release);
//       } else if (ready.load(std::memory_order_acquire)) {
//         explore::require(data.get() == 7, "the reader sees what was written before the flag");
//       }
//     }
//     void finish() {} // optional: runs after all threads, and sees everything
//   };
//   const auto found = explore::run<hand_over>({.strategy = explore::dfs{}});
//   EXPECT_TRUE(found.ok() && found.complete) << found;
//
// The world is constructed anew for each execution and must behave the same way each time: no clocks, no
// addresses in decisions, no state kept between executions that influences them. An execution that is
// abandoned half-way (by the reduction, or because it fails) does not unwind its threads, so nothing that
// owns memory should live in a thread's frame across a visible step; members of the world are destroyed
// properly unless the execution failed. No visible step may be taken inside a catch block: the threads share
// one exception stack.
#pragma once

#include "base/atomic.h"
#include "base/explore/engine.h"
#include "base/explore/options.h"
#include "base/explore/parker.h"
#include "base/explore/plain.h"
#include "base/explore/site.h"

#include <concepts>
#include <memory>
#include <string_view>

#if !defined(THRUM_EXPLORE)
#error "models are compiled with THRUM_EXPLORE, or they would explore nothing"
#endif

namespace thrum::base::explore {

template <class World>
concept world = std::default_initializable<World> && requires(World& w, int index) {
  { World::threads } -> std::convertible_to<int>;
  w.thread(index);
};

// The name of a type as the compiler spells it in the name of this function.
template <class World> constexpr std::string_view type_name() noexcept {
  std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t start = text.find("World = ");
  if (start == std::string_view::npos) return text;
  text.remove_prefix(start + 8);
  return text.substr(0, text.find_first_of(";]"));
}

template <world World> constexpr model model_of() noexcept {
  static_assert(World::threads >= 1 && World::threads <= max_threads);
  return {
      .name = type_name<World>(),
      .size = sizeof(World),
      .alignment = alignof(World),
      .threads = World::threads,
      .construct = [](void* at) { std::construct_at(static_cast<World*>(at)); },
      .thread = [](void* w, int index) { static_cast<World*>(w)->thread(index); },
      .finish =
          [](void* w) {
            if constexpr (requires(World& each) { each.finish(); }) static_cast<World*>(w)->finish();
          },
      .destroy = [](void* w) { std::destroy_at(static_cast<World*>(w)); },
  };
}

// Explores until the strategy is exhausted, the budget is spent, or an execution fails.
template <world World> result run(const options& wanted = {}) {
  return the_engine.run(model_of<World>(), wanted);
}

// Runs one execution along `path` (result::path) and tells each of its steps, whether it fails or not. The
// options that shape an execution (max_steps, fences, weak_failures, idle_turns) must be those of the run
// that found it.
template <world World> result replay(std::string_view path, const options& wanted = {}) {
  return the_engine.replay(model_of<World>(), wanted, path);
}

// Fails the execution. `what` says what should have been true.
inline void require(bool condition, std::string_view what, site at = site::current()) {
  if (!condition) [[unlikely]]
    the_engine.fail("not so: " + std::string(what), at);
}

// A choice of the model: 0 .. count-1, all of them in a search.
inline int choose(int count) {
  if (!the_engine.running()) return 0;
  the_engine.acted(); // it may be made differently in the next turn of a loop
  return the_engine.choose(count);
}

// What a bug-finding test wants to know.
inline bool found_bug(const result& r, std::string_view text) {
  return r.failure.find(text) != std::string::npos;
}

} // namespace thrum::base::explore
