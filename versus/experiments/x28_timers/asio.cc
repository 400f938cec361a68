// X28 in Boost.Asio: very many timers are set, nine of ten are stopped, the rest call their functions.
#include "kit/asio.h"

#include <chrono>

namespace {

using std::chrono::steady_clock;

struct place {
  steady_clock::time_point due;
  double late_us = -1;
};
std::atomic<long> calls{0};

void call(place& p) {
  p.late_us = std::chrono::duration<double, std::micro>(steady_clock::now() - p.due).count();
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
  const long n = b.quick() ? 50'000 : 1'000'000;
  const double count = static_cast<double>(n);
  const auto ahead = std::chrono::nanoseconds(200'000'000 + static_cast<long>(40 * trial(c.io(), n / 10)));
  const unsigned long spread_us = b.quick() ? 200'000 : 2'000'000;
  std::vector<place> places(static_cast<std::size_t>(n));
  std::vector<net::steady_timer> all;
  all.reserve(places.size());
  const double memory = settled();
  const auto base = steady_clock::now() + ahead;
  for (std::size_t i = 0; i < places.size(); ++i)
    places[i].due = base + std::chrono::microseconds(i * 2654435761 % spread_us);

  double insert = kit::cpu_ns();
  for (place& p : places) {
    all.emplace_back(c.io(), p.due);
    all.back().async_wait([&p](error_code stopped) {
      if (!stopped) call(p);
    });
  }
  insert = kit::cpu_ns() - insert;
  const double occupied = kit::resident() - memory;
  double cancel = kit::cpu_ns();
  const long stopped = stop(c.io(), all, [](std::size_t i) { return i % 10 != 0; });
  cancel = kit::cpu_ns() - cancel;
  const bool in_time = steady_clock::now() < base;
  double fire = kit::cpu_ns();
  c.run();
  fire = kit::cpu_ns() - fire;

  std::vector<double> late;
  for (const place& p : places)
    if (p.late_us >= 0) late.push_back(p.late_us);
  std::sort(late.begin(), late.end());
  const bool right =
      in_time && stopped == n / 10 * 9 && static_cast<long>(late.size()) == n / 10 && calls == n / 10;
  if (b.wants("set")) {
    b.emit("set", n, "insert", insert / count, "ns/timer");
    b.emit("set", n, "cancel", cancel / (count * 0.9), "ns/timer");
    b.emit("set", n, "memory", std::max(0.0, occupied) / count, "B/timer");
    b.emit("set", n, "check", right ? count : 0, "count");
  }
  if (b.wants("fire")) {
    b.emit("fire", n / 10, "p99", late[late.size() * 99 / 100], "us");
    b.emit("fire", n / 10, "p50", late[late.size() / 2], "us");
    b.emit("fire", n / 10, "fire", fire / (count / 10), "ns/timer");
    b.emit("fire", n / 10, "check", right ? count / 10 : 0, "count");
  }
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X28", "asio", argc, argv);
  timers(b);
}
