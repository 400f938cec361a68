// X9 in thrum: what it costs to hand data to an isolate: as a clone, as a transfer, and as memory that both see.
#include "kit/kit.h"

#include <thrum/isolate.h>
#include <thrum/shared_buffer.h>
#include <thrum/thrum.h>

#include <memory>
#include <utility>
#include <vector>

namespace {

using numbers = std::vector<double>;

struct node {
  int number = 0;
  std::shared_ptr<node> left;
  std::shared_ptr<node> right;
};
std::shared_ptr<node> tree(int size) {
  if (size == 0) return nullptr;
  return std::make_shared<node>(size, tree((size - 1) / 2), tree(size - 1 - (size - 1) / 2));
}

// The worker answers with what it finds at the end.
long clones(long rounds, const numbers& all) {
  thrum::isolate<numbers, double> worker([](auto& parent) {
    for (const numbers& came : parent) parent.post(came.back());
  });
  long answers = 0;
  for (long i = 0; i < rounds; ++i) {
    worker.post(all);
    answers += worker.recv() == all.back();
  }
  return answers;
}

// There and back, so that there is something to give away the next time.
long transfers(long rounds, numbers& all) {
  thrum::isolate<numbers, numbers> worker([](auto& parent) {
    for (numbers& came : parent) parent.post(thrum::transfer(std::move(came)));
  });
  long answers = 0;
  for (long i = 0; i < rounds; ++i) {
    worker.post(thrum::transfer(std::move(all)));
    all = worker.recv().value();
    answers += all.back() == 1;
  }
  return answers;
}

long shares(long rounds, const thrum::shared_buffer& all) {
  thrum::isolate<thrum::shared_buffer, double> worker([](auto& parent) {
    for (const thrum::shared_buffer& came : parent) parent.post(double{came.template as<double>().back()});
  });
  long answers = 0;
  for (long i = 0; i < rounds; ++i) {
    worker.post(all);
    answers += worker.recv() == 1;
  }
  return answers;
}

long graphs(long rounds, const std::shared_ptr<node>& all) {
  thrum::isolate<std::shared_ptr<node>, int> worker([](auto& parent) {
    for (const std::shared_ptr<node>& came : parent) parent.post(int{came->number});
  });
  long answers = 0;
  for (long i = 0; i < rounds; ++i) {
    worker.post(all);
    answers += worker.recv() == all->number;
  }
  return answers;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X9", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        const std::size_t size = (b.quick() ? 16u << 20 : 64u << 20) / sizeof(double);
        numbers all(size, 1);
        b.measure("clone", 1, [&](long rounds) { return clones(rounds, all); });
        b.measure("transfer", 1, [&](long rounds) { return transfers(rounds, all); });
        const thrum::shared_buffer shared(size * sizeof(double));
        for (double& x : shared.as<double>()) x = 1;
        b.measure("share", 1, [&](long rounds) { return shares(rounds, shared); });
        const auto graph = tree(b.quick() ? 50'000 : 200'000);
        b.measure("graph", 1, [&](long rounds) { return graphs(rounds, graph); });
        return 0;
      },
      {.processors = b.processors()});
}
