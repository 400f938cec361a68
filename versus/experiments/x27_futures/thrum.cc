// X27 in thrum: what promises cost: a link of a chain of continuations, starting a task and awaiting it, waiting for many.
#include "kit/kit.h"

#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/thrum.h>

#include <vector>

namespace {

// A chain of a thousand continuations on a promise that is then fulfilled.
long chain(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    thrum::promise<long> first;
    thrum::future<long> last = first.get_future();
    for (int i = 0; i < 1000; ++i) last = std::move(last).then([](long n) { return n + 1; });
    first.set_value(0);
    sum += last.get();
  }
  return sum;
}

// The same with continuations that run in who settles: Java's default.
long chain_inline(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    thrum::promise<long> first;
    thrum::future<long> last = first.get_future();
    for (int i = 0; i < 1000; ++i) last = std::move(last).then_inline([](long n) { return n + 1; });
    first.set_value(0);
    sum += last.get();
  }
  return sum;
}

// One continuation of a promise that is fulfilled already, and wait for it.
long one_link(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r)
    sum += thrum::make_ready_future(0L).then([](long n) { return n + 1; }).get();
  return sum;
}

// Start a task, wait for its result.
long start(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) sum += thrum::async([] { return 1L; }).get();
  return sum;
}

// Start a thousand, wait for all results at once.
long every(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r) {
    std::vector<thrum::future<long>> tasks;
    tasks.reserve(1000);
    for (int i = 0; i < 1000; ++i) tasks.push_back(thrum::async([] { return 1L; }));
    for (long n : thrum::all(std::move(tasks)).get()) sum += n;
  }
  return sum;
}

// supplyAsync, thenApply, thenCompose, join.
long compose(long rounds) {
  long sum = 0;
  for (long r = 0; r < rounds; ++r)
    sum += thrum::async([] { return 0L; })
               .then([](long n) { return n + 1; })
               .then([](long n) { return thrum::async([n] { return n; }); })
               .get();
  return sum;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X27", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        b.measure("chain", 1000, chain);
        b.measure("inline", 1000, chain_inline);
        b.measure("link", 1, one_link);
        b.measure("start", 1, start);
        b.measure("all", 1000, every);
        b.measure("compose", 1, compose);
        return 0;
      },
      {.processors = b.processors()});
}
