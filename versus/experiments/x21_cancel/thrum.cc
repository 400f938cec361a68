// X21 in thrum: a tree of task groups; one task of the root fails, and all others end.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace {

constexpr long leaves = 10'000;
std::atomic<long> waiting{0};
std::atomic<long> ended{0};

void node(int depth) {
  if (depth == 0) {
    struct at_the_end {
      ~at_the_end() { ++ended; }
    } counts;
    ++waiting;
    thrum::this_fiber::sleep_for(std::chrono::hours(1));
    return;
  }
  thrum::task_group<> group;
  for (int i = 0; i < 10; ++i) group.spawn([depth] { node(depth - 1); });
  group.join();
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X21", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        for (int run = 0; run < (b.quick() ? 3 : 9); ++run) {
          waiting = ended = 0;
          double cpu = 0, start = 0;
          thrum::task_group<> group;
          group.spawn([] { node(4); });
          while (waiting != leaves) thrum::this_fiber::sleep_for(std::chrono::milliseconds(1));
          thrum::this_fiber::sleep_for(std::chrono::milliseconds(20));
          group.spawn([&] {
            cpu = kit::cpu_ns();
            start = kit::wall_ns();
            throw std::runtime_error("one fails");
          });
          try {
            group.join();
          } catch (const std::runtime_error&) {
            b.emit("tree", leaves, "gone", (kit::wall_ns() - start) / 1e3, "us");
            b.emit("tree", leaves, "cpu", (kit::cpu_ns() - cpu) / static_cast<double>(leaves), "ns/leaf");
            b.emit("tree", leaves, "check", static_cast<double>(ended.load()), "count");
          }
        }
        return 0;
      },
      {.processors = b.processors()});
}
