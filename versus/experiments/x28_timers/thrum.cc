// X28 in thrum: very many timers are set, nine of ten are stopped, the rest call their functions.
#include "kit/kit.h"

#include <thrum/thrum.h>
#include <thrum/timer.h>

#include <atomic>
#include <chrono>

namespace {

using std::chrono::steady_clock;

struct place {
  steady_clock::time_point due;
  bool stays = false;
  double late_us = -1;
};
std::atomic<long> calls{0};
thrum::wait_group* rest = nullptr; // not in each function: with 8 bytes a timer is one small object

void call(place& p) {
  p.late_us = std::chrono::duration<double, std::micro>(steady_clock::now() - p.due).count();
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
  const long n = b.quick() ? 50'000 : 1'000'000;
  const double count = static_cast<double>(n);
  const auto ahead = std::chrono::nanoseconds(200'000'000 + static_cast<long>(40 * trial(n / 10)));
  const unsigned long spread_us = b.quick() ? 200'000 : 2'000'000;
  std::vector<place> places(static_cast<std::size_t>(n));
  std::vector<thrum::timer> all;
  all.reserve(places.size());
  thrum::wait_group left;
  left.add(n / 10);
  rest = &left;
  const double memory = settled();
  const auto base = steady_clock::now() + ahead;
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i].due = base + std::chrono::microseconds(i * 2654435761 % spread_us);
    places[i].stays = i % 10 == 0;
  }

  double insert = kit::cpu_ns();
  for (place& p : places) all.emplace_back(p.due, [&p] { call(p); });
  insert = kit::cpu_ns() - insert;
  const double occupied = kit::resident() - memory;
  double cancel = kit::cpu_ns();
  long stopped = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i % 10 != 0) stopped += all[i].stop();
  cancel = kit::cpu_ns() - cancel;
  const bool in_time = steady_clock::now() < base;
  double fire = kit::cpu_ns();
  left.wait();
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
  kit::bench b("X28", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        timers(b);
        return 0;
      },
      {.processors = b.processors()});
}
