// X25 in thrum: what changes in a tree of calls when its leaf has to wait; and a comparator of qsort that sleeps.
#include "after/coroutine.h"
#include "after/tree.h"
#include "before/tree.h"
#include "colour.h"

#include <thrum/thrum.h>

#include <atomic>
#include <chrono>

namespace {

int slowly(const void* a, const void* b) {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(1));
  return x25::order(a, b);
}

// Many sorts at once.
void sorting(const kit::bench& b) {
  if (!b.wants("qsort")) return;
  constexpr long n = 32;
  std::atomic<long> right{0};
  thrum::wait_group all;
  all.add(n);
  const double start = kit::wall_ns();
  for (long i = 0; i < n; ++i)
    thrum::go([&] {
      if (x25::sorts(slowly)) right.fetch_add(1, std::memory_order_relaxed); // relaxed: all.wait()
      all.done();
    });
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(3));
  const double threads = kit::status("Threads");
  all.wait();
  b.emit("qsort", n, "wall", (kit::wall_ns() - start) / 1e6, "ms");
  b.emit("qsort", n, "threads", threads, "threads");
  b.emit("qsort", n, "check", static_cast<double>(right.load()), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X25", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        x25::compare(b, "tree", "tree.h", before::report, after::report);
        x25::compare(b, "coroutines", "coroutine.h", before::report,
                     [](long id) { return coroutines::report(id).run(); });
        sorting(b);
        return 0;
      },
      {.processors = b.processors()});
}
