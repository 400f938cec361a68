// timers: what the programs of X28 in C++ share: when which timer is due, and what is told of them.
#pragma once

#include "kit/kit.h"

#include <chrono>

namespace x28 {

using std::chrono::steady_clock;

struct place {
  steady_clock::time_point due;
  bool stays = false; // the others are stopped
  double late_us = -1;

  void called() { late_us = std::chrono::duration<double, std::micro>(steady_clock::now() - due).count(); }
};

inline long number_of_timers(const kit::bench& b) { return b.quick() ? 50'000 : 1'000'000; }

// Every tenth stays; all are due at some time of the `spread` behind `base`.
inline void plan(std::vector<place>& places, steady_clock::time_point base, bool quick) {
  const unsigned long spread_us = quick ? 200'000 : 2'000'000;
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i].due = base + std::chrono::microseconds(i * 2654435761 % spread_us);
    places[i].stays = i % 10 == 0;
  }
}

struct figures {
  double insert = 0, cancel = 0, fire = 0; // CPU time of all, ns
  double memory = 0;                       // of all, bytes
  long stopped = 0, calls = 0;
  bool in_time = false; // all was set and stopped before the first was due
};

inline void report(const kit::bench& b, const std::vector<place>& places, const figures& f) {
  const long n = static_cast<long>(places.size());
  const double count = static_cast<double>(n);
  std::vector<double> late;
  for (const place& p : places)
    if (p.late_us >= 0) late.push_back(p.late_us);
  std::sort(late.begin(), late.end());
  const bool right =
      f.in_time && f.stopped == n / 10 * 9 && static_cast<long>(late.size()) == n / 10 && f.calls == n / 10;
  if (b.wants("set")) {
    b.emit("set", n, "insert", f.insert / count, "ns/timer");
    b.emit("set", n, "cancel", f.cancel / (count * 0.9), "ns/timer");
    b.emit("set", n, "memory", std::max(0.0, f.memory) / count, "B/timer");
    b.emit("set", n, "check", right ? count : 0, "count");
  }
  if (b.wants("fire")) {
    b.emit("fire", n / 10, "p99", late[late.size() * 99 / 100], "us");
    b.emit("fire", n / 10, "p50", late[late.size() / 2], "us");
    b.emit("fire", n / 10, "fire", f.fire / (count / 10), "ns/timer");
    b.emit("fire", n / 10, "check", right ? count / 10 : 0, "count");
  }
}

} // namespace x28
