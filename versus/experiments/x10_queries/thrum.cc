// X10 in thrum: a hundred queries of 10 ms, one after the other, all at once, ten at a time.
#include "kit/kit.h"

#include <thrum/limit.h>
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <vector>

namespace {

std::atomic<int> under_way{0};
std::atomic<int> most{0};

int find_user(int id) {
  const int n = ++under_way;
  for (int seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {}
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(10));
  --under_way;
  return id;
}

template <class F> void measure(const kit::bench& b, const char* variant, F get_users) {
  if (!b.wants(variant)) return;
  std::vector<int> ids(100);
  std::iota(ids.begin(), ids.end(), 0);
  most = 0;
  const double cpu = kit::cpu_ns(), start = kit::wall_ns();
  const std::vector<int> users = get_users(ids);
  b.emit(variant, 100, "wall", (kit::wall_ns() - start) / 1e6, "ms");
  b.emit(variant, 100, "cpu", (kit::cpu_ns() - cpu) / 1e3 / 100, "us/query");
  b.emit(variant, 100, "peak", most, "queries");
  b.emit(variant, 100, "check", users == ids ? 100 : 0, "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X10", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        measure(b, "one", [](const std::vector<int>& ids) {
          std::vector<int> users;
          for (const int id : ids) users.push_back(find_user(id));
          return users;
        });
        measure(b, "every",
                [](const std::vector<int>& ids) { return thrum::map_limit(ids.size(), ids, find_user); });
        measure(b, "ten", [](const std::vector<int>& ids) { return thrum::map_limit(10, ids, find_user); });
        return 0;
      },
      {.processors = b.processors()});
}
