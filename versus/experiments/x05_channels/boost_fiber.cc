// X5 in Boost.Fiber: channels and a lock. The library has no select and no timer object.
#include "kit/boost_fiber.h"

#include <atomic>

namespace {

// One fiber sends, one receives.
template <class Channel> long one_to_one(long rounds, Channel& c) {
  fibers::fiber sender = kit::post([&c, rounds] {
    for (long i = 0; i < rounds; ++i) c.push(i & 1023);
    c.close();
  });
  long sum = 0;
  for (long v : c) sum += v;
  sender.join();
  return sum;
}

long buffered(long rounds) {
  fibers::buffered_channel<long> c(128);
  return one_to_one(rounds, c);
}

long unbuffered(long rounds) {
  fibers::unbuffered_channel<long> c;
  return one_to_one(rounds, c);
}

// Four send, four receive, on one channel of 128.
long four_to_four(long rounds) {
  fibers::buffered_channel<long> c(128);
  std::atomic<long> total{0};
  std::vector<fibers::fiber> senders, receivers;
  for (int k = 0; k < 4; ++k)
    receivers.push_back(kit::post([&] {
      long sum = 0;
      for (long v : c) sum += v;
      total += sum;
    }));
  for (int k = 0; k < 4; ++k)
    senders.push_back(kit::post([&] {
      for (long i = 0; i < rounds; ++i) c.push(i & 1023);
    }));
  for (fibers::fiber& f : senders) f.join();
  c.close();
  for (fibers::fiber& f : receivers) f.join();
  return total;
}

// Four channels, all empty: four try_pop.
long pop_four(long rounds) {
  fibers::buffered_channel<long> a(2), b(2), c(2), d(2);
  constexpr auto empty = fibers::channel_op_status::empty;
  long defaults = 0;
  for (long i = 0; i < rounds; ++i) {
    long v = 0;
    if (a.try_pop(v) == empty && b.try_pop(v) == empty && c.try_pop(v) == empty && d.try_pop(v) == empty)
      ++defaults;
  }
  return defaults;
}

long uncontended_mutex(long rounds) {
  fibers::mutex lock;
  long counter = 0;
  for (long i = 0; i < rounds; ++i) {
    std::unique_lock held(lock);
    ++counter;
  }
  return counter;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X5", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    b.measure("buffered", 1, buffered);
    b.measure("unbuffered", 1, unbuffered);
    b.measure("mpmc", 4, four_to_four);
    b.measure("default", 1, pop_four);
    b.measure("mutex", 1, uncontended_mutex);
  });
}
