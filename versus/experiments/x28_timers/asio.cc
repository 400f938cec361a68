// X28 in Boost.Asio: very many timers are set, nine of ten are stopped, the rest call their functions.
#include "experiments/x28_timers/timers.h"

#include "kit/asio.h"

namespace {

using x28::place;
using x28::steady_clock;

std::atomic<long> calls{0};

void call(place& p) {
  p.called();
  calls.fetch_add(1, std::memory_order_relaxed);
}

double settled() {
  return kit::settled([] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
}

// Stops what `which` says. The handlers of the stopped ones are told so, and only then they are gone.
template <class Which> long stop(net::io_context& io, std::vector<net::steady_timer>& all, Which which) {
  long stopped = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (which(i)) stopped += static_cast<long>(all[i].cancel());
  io.restart();
  io.poll();
  return stopped;
}

// How long it takes to set n timers and to stop them: so much must lie between now and the first.
double trial(net::io_context& io, long n) {
  const double start = kit::wall_ns();
  std::vector<net::steady_timer> all;
  for (long i = 0; i < n; ++i) {
    all.emplace_back(io, std::chrono::hours(1 + i % 1000));
    all.back().async_wait([](error_code) {});
  }
  stop(io, all, [](std::size_t) { return true; });
  return kit::wall_ns() - start;
}

void timers(const kit::bench& b) {
  kit::context c(b.processors());
  const long n = x28::number_of_timers(b);
  const auto ahead = std::chrono::nanoseconds(200'000'000 + static_cast<long>(40 * trial(c.io(), n / 10)));
  std::vector<place> places(static_cast<std::size_t>(n));
  std::vector<net::steady_timer> all;
  all.reserve(places.size());
  const double memory = settled();
  const auto base = steady_clock::now() + ahead;
  x28::plan(places, base, b.quick());

  x28::figures f;
  f.insert = kit::cpu_ns();
  for (place& p : places) {
    all.emplace_back(c.io(), p.due);
    all.back().async_wait([&p](error_code stopped) {
      if (!stopped) call(p);
    });
  }
  f.insert = kit::cpu_ns() - f.insert;
  f.memory = kit::resident() - memory;
  f.cancel = kit::cpu_ns();
  f.stopped = stop(c.io(), all, [&](std::size_t i) { return !places[i].stays; });
  f.cancel = kit::cpu_ns() - f.cancel;
  f.in_time = steady_clock::now() < base;
  f.fire = kit::cpu_ns();
  c.run();
  f.fire = kit::cpu_ns() - f.fire;
  f.calls = calls;
  x28::report(b, places, f);
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X28", "asio", argc, argv);
  timers(b);
}
