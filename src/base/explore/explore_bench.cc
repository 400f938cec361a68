// How fast the explorer is: executions in a second of CPU time, for models of a usual size. Prints a table.
#include "base/explore/chase_lev.h"
#include "base/explore/explore.h"
#include "base/explore/mpsc_list.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace explore = thrum::base::explore;

namespace {

template <int Thieves, int StealsEach> struct deque_world {
  static constexpr int threads = 1 + Thieves;
  explore::chase_lev deque;
  std::array<int, 3> taken{};

  void take(int item) {
    if (item < 0) return;
    explore::require(item != 0, "an item is complete when it is taken");
    explore::require(++taken[static_cast<std::size_t>(item)] == 1, "an item is taken once");
  }
  void thread(int index) {
    if (index == 0) {
      deque.push(1);
      deque.push(2);
      take(deque.pop());
      take(deque.pop());
    } else {
      for (int i = 0; i < StealsEach; ++i) take(deque.steal());
    }
  }
};

struct list_world {
  static constexpr int threads = 3;
  struct item : explore::mpsc_node {
    explore::plain<int> value;
  };
  std::array<item, 2> items;
  explore::mpsc_list list;

  void thread(int index) {
    if (index < 2) {
      items[static_cast<std::size_t>(index)].value.set(index + 1);
      list.push(items[static_cast<std::size_t>(index)]);
    } else {
      for (int i = 0; i < 3; ++i)
        if (explore::mpsc_node* node = list.pop())
          explore::require(static_cast<item*>(node)->value.get() > 0, "filled");
    }
  }
};

double seconds = 2;

template <class World> void measure(const char* name, explore::strategy how) {
  const std::clock_t start = std::clock(); // CPU time: the machine may have other things to do
  const explore::result r =
      explore::run<World>({.strategy = how, .max_executions = ~0ull, .seconds = seconds});
  const double used = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const auto runs = static_cast<double>(r.executions + r.pruned);
  std::printf("%-24s %-30s %9.0f /s %5.1f steps %5.1f Msteps/s %9llu executions%s%s\n", name,
              r.strategy.c_str(), runs / used, static_cast<double>(r.steps) / runs,
              static_cast<double>(r.steps) / used / 1e6, static_cast<unsigned long long>(r.executions),
              r.complete ? ", complete" : "",
              r.pruned != 0 ? (" (" + std::to_string(r.pruned) + " abandoned)").c_str() : "");
  if (!r.ok()) {
    std::printf("%s\n", r.failure.c_str());
    std::exit(1);
  }
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1) seconds = std::atof(argv[1]);
  measure<deque_world<1, 2>>("chase-lev, 1 thief x 2", explore::random_walk{});
  measure<deque_world<1, 2>>("chase-lev, 1 thief x 2", explore::pct{});
  measure<deque_world<1, 2>>("chase-lev, 1 thief x 2", explore::dfs{.preemptions = 3});
  measure<deque_world<1, 2>>("chase-lev, 1 thief x 2", explore::dfs{});
  measure<deque_world<2, 1>>("chase-lev, 2 thieves x 1", explore::random_walk{});
  measure<deque_world<2, 1>>("chase-lev, 2 thieves x 1", explore::dfs{.preemptions = 3});
  measure<deque_world<2, 1>>("chase-lev, 2 thieves x 1", explore::dfs{});
  measure<deque_world<2, 2>>("chase-lev, 2 thieves x 2", explore::dfs{.preemptions = 3});
  measure<deque_world<2, 2>>("chase-lev, 2 thieves x 2", explore::dfs{});
  measure<list_world>("mpsc list, 2 producers", explore::dfs{.preemptions = 3});
  measure<list_world>("mpsc list, 2 producers", explore::dfs{});
}
