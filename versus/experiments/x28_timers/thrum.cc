// X28 in thrum: very many timers are set, nine of ten are stopped, the rest call their functions.
#include "experiments/x28_timers/timers.h"

#include <thrum/thrum.h>
#include <thrum/timer.h>

#include <atomic>

namespace {

using x28::place;
using x28::steady_clock;

std::atomic<long> calls{0};
thrum::wait_group* rest = nullptr; // not in each function: with 8 bytes a timer is one small object

void call(place& p) {
  p.called();
  calls.fetch_add(1, std::memory_order_relaxed); // relaxed: rest->wait()
  if (p.stays) rest->done();
}

double settled() {
  return kit::settled([] { thrum::this_fiber::sleep_for(std::chrono::milliseconds(20)); });
}

// How long it takes to set n timers and to stop them: so much must lie between now and the first.
double trial(long n) {
  const double start = kit::wall_ns();
  std::vector<thrum::timer> all;
  for (long i = 0; i < n; ++i) all.emplace_back(std::chrono::hours(1 + i % 1000), [] {});
  for (thrum::timer& t : all) t.stop();
  return kit::wall_ns() - start;
}

void timers(const kit::bench& b) {
  const long n = x28::number_of_timers(b);
  const auto ahead = std::chrono::nanoseconds(200'000'000 + static_cast<long>(40 * trial(n / 10)));
  std::vector<place> places(static_cast<std::size_t>(n));
  std::vector<thrum::timer> all;
  all.reserve(places.size());
  thrum::wait_group left;
  left.add(n / 10);
  rest = &left;
  const double memory = settled();
  const auto base = steady_clock::now() + ahead;
  x28::plan(places, base, b.quick());

  x28::figures f;
  f.insert = kit::cpu_ns();
  for (place& p : places) all.emplace_back(p.due, [&p] { call(p); });
  f.insert = kit::cpu_ns() - f.insert;
  f.memory = kit::resident() - memory;
  f.cancel = kit::cpu_ns();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!places[i].stays) f.stopped += all[i].stop();
  f.cancel = kit::cpu_ns() - f.cancel;
  f.in_time = steady_clock::now() < base;
  f.fire = kit::cpu_ns();
  left.wait();
  f.fire = kit::cpu_ns() - f.fire;
  f.calls = calls;
  x28::report(b, places, f);
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X28", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        timers(b);
        return 0;
      },
      {.processors = b.processors()});
}
