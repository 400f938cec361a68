// The fibers of a planted deadlock. Each is announced on standard output, with its name and the line that starts it, so that the
// test can ask whether the report shows the place.
#pragma once

#include <thrum/thrum.h>

#include <cstdio>
#include <list>
#include <source_location>
#include <utility>

namespace deadlock {

inline void announce(const char* name, const std::source_location& site) {
  std::printf("%u %s\n", static_cast<unsigned>(site.line()), name);
  std::fflush(stdout);
}

class cast {
public:
  explicit cast(thrum::runtime* where = nullptr) : where_(where) {}

  template <class F>
  thrum::fiber<>& act(const char* name, F f, std::source_location site = std::source_location::current()) {
    announce(name, site);
    const thrum::attrs a{.name = name};
    return actors_.emplace_back(where_ != nullptr ? where_->spawn(a, std::move(f), site)
                                                  : thrum::spawn(a, std::move(f), site));
  }
  void join() {
    for (thrum::fiber<>& a : actors_)
      if (a.joinable()) a.join();
  }

private:
  thrum::runtime* const where_;
  std::list<thrum::fiber<>> actors_; // that an actor may have a reference to another's handle
};

// Runs f(cast&) and waits for whom it has started.
template <class F> void play(F f, std::source_location site = std::source_location::current()) {
  announce("main", site);
  thrum::run(
      [&] {
        cast all;
        f(all);
        all.join();
      },
      {.processors = 2, .name = "planted"}, site);
}

// Nobody goes on before n have arrived. Called by each once.
inline void meet(thrum::latch& all) { all.arrive_and_wait(); }

// Locks one, and the other when everybody has its first.
template <class First, class Second> void lock_both(First& first, Second& second, thrum::latch& all) {
  first.lock();
  meet(all);
  second.lock();
  second.unlock();
  first.unlock();
}

} // namespace deadlock
