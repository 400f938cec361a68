// X5 in thrum: channels, select, a lock and a timer.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

namespace {

// One fiber sends, one receives.
long one_to_one(long rounds, std::size_t capacity) {
  thrum::chan<long> c(capacity);
  thrum::go([c, rounds] {
    for (long i = 0; i < rounds; ++i) c.send(i & 1023);
    c.close();
  });
  long sum = 0;
  for (long v : c) sum += v;
  return sum;
}

// Four send, four receive, on one channel of 128.
long four_to_four(long rounds) {
  thrum::chan<long> c(128);
  std::vector<thrum::fiber<long>> receivers;
  for (int k = 0; k < 4; ++k)
    receivers.push_back(thrum::spawn([c] {
      long sum = 0;
      for (long v : c) sum += v;
      return sum;
    }));
  thrum::wait_group senders;
  senders.add(4);
  for (int k = 0; k < 4; ++k)
    thrum::go([c, rounds, &senders] {
      for (long i = 0; i < rounds; ++i) c.send(i & 1023);
      senders.done();
    });
  senders.wait();
  c.close();
  long sum = 0;
  for (thrum::fiber<long>& f : receivers) sum += f.join();
  return sum;
}

// One fiber selects over four unbuffered channels; each has a sender.
long select_of_four(long rounds) {
  thrum::chan<long> c[4];
  for (thrum::chan<long>& each : c)
    thrum::go([each, rounds] {
      for (long i = 0; i < rounds; ++i) each.send(i & 1023);
    });
  long sum = 0;
  for (long i = 0; i < 4 * rounds; ++i) {
    std::optional<long> v;
    thrum::select(thrum::recv(c[0], v), thrum::recv(c[1], v), thrum::recv(c[2], v), thrum::recv(c[3], v));
    sum += *v;
  }
  return sum;
}

// Four channels, all empty: the default case is taken.
long select_default(long rounds) {
  thrum::chan<long> c[4];
  long defaults = 0;
  for (long i = 0; i < rounds; ++i) {
    std::optional<long> v;
    if (thrum::select(thrum::recv(c[0], v), thrum::recv(c[1], v), thrum::recv(c[2], v), thrum::recv(c[3], v),
                      thrum::otherwise()) == 4)
      ++defaults;
  }
  return defaults;
}

long uncontended_mutex(long rounds) {
  thrum::mutex lock;
  long counter = 0;
  for (long i = 0; i < rounds; ++i) {
    std::unique_lock held(lock);
    ++counter;
  }
  return counter;
}

// Start a timer of an hour, stop it before it fires.
long timer(long rounds) {
  long stopped = 0;
  for (long i = 0; i < rounds; ++i) {
    thrum::timer t(std::chrono::hours(1), [] {});
    if (t.stop()) ++stopped;
  }
  return stopped;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X5", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        b.measure("buffered", 1, [](long rounds) { return one_to_one(rounds, 128); });
        b.measure("unbuffered", 1, [](long rounds) { return one_to_one(rounds, 0); });
        b.measure("mpmc", 4, four_to_four);
        b.measure("select", 4, select_of_four);
        b.measure("default", 1, select_default);
        b.measure("mutex", 1, uncontended_mutex);
        b.measure("timer", 1, timer);
        return 0;
      },
      {.processors = b.processors()});
}
