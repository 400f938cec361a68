// X29 in thrum: how late is a ticker of 1 ms while a fiber builds graphs of a million nodes and drops them?
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::uint32_t nodes = 1'000'000;

struct node {
  node *left, *right;
  long value;
};
using graph = std::vector<std::unique_ptr<node>>;

std::uint32_t other(std::uint32_t i) { return i * 2654435761U % i; }

void link(graph& all, std::uint32_t i, std::unique_ptr<node> into) {
  *into = {i > 0 ? all[i - 1].get() : nullptr, i > 0 ? all[other(i)].get() : nullptr, i & 1023};
  all[i] = std::move(into);
}

long sum(const graph& all) {
  long out = 0;
  for (const auto& each : all)
    if (each->left != nullptr) out += each->value + each->left->value + each->right->value;
  return out;
}

struct work {
  long built = 0; // nodes
  double seconds = 0;
  bool right = true;
};

graph whole() {
  graph all(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i) link(all, i, std::make_unique<node>());
  return all;
}

// Graph after graph; at least one. With a graph to begin with its nodes are linked anew, and none is dropped.
work build(const std::atomic<bool>& stop, graph kept) {
  const bool reuse = !kept.empty();
  long expected = 0;
  for (std::uint32_t i = 1; i < nodes; ++i) expected += (i & 1023) + ((i - 1) & 1023) + (other(i) & 1023);
  work out;
  const double start = kit::wall_ns();
  auto stopped = [&] {
    return out.built >= nodes && stop.load(std::memory_order_relaxed);
  }; // relaxed: it says when
  while (!stopped()) {
    graph all = reuse ? std::move(kept) : graph(nodes);
    for (std::uint32_t i = 0; i < nodes; ++i, ++out.built) {
      if (i % 1000 == 0 && stopped()) break;
      link(all, i, all[i] != nullptr ? std::move(all[i]) : std::make_unique<node>());
    }
    if (!stopped()) out.right = out.right && sum(all) == expected;
    if (reuse) kept = std::move(all);
  }
  out.seconds = (kit::wall_ns() - start) / 1e9;
  return out;
}

void beside(const kit::bench& b, const char* variant, bool reuse) {
  if (!b.wants(variant)) return;
  const std::size_t ticks = b.quick() ? 600 : 2000;
  std::atomic<bool> stop{false};
  std::vector<double> late;
  late.reserve(ticks);
  graph first = reuse ? whole() : graph();
  const double cpu = kit::cpu_ns();
  thrum::fiber<work> building =
      thrum::spawn([&stop, first = std::move(first)]() mutable { return build(stop, std::move(first)); });
  for (clock::time_point due = clock::now(); late.size() < ticks;) {
    due += 1ms;
    thrum::this_fiber::sleep_until(due);
    late.push_back(std::chrono::duration<double, std::micro>(clock::now() - due).count());
  }
  stop.store(true, std::memory_order_relaxed); // relaxed: see build
  const work did = building.join();
  const double spent = kit::cpu_ns() - cpu;
  b.emit_lateness(variant, late, 1000);
  std::sort(late.begin(), late.end());
  const long n = static_cast<long>(ticks);
  b.emit(variant, n, "p99", late[ticks * 99 / 100], "us");
  b.emit(variant, n, "p50", late[ticks / 2], "us");
  b.emit(variant, n, "max", late.back(), "us");
  b.emit(variant, n, "node", did.seconds * 1e9 / static_cast<double>(did.built), "ns/node");
  b.emit(variant, n, "cpu", spent / static_cast<double>(did.built), "ns/node");
  const auto kept = std::count_if(late.begin(), late.end(), [](double l) { return l >= 0; });
  b.emit(variant, n, "check", did.right ? static_cast<double>(kept) : 0, "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X29", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        beside(b, "dropped", false);
        beside(b, "reused", true);
        return 0;
      },
      {.processors = b.processors()});
}
