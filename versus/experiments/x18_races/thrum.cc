// X18 in thrum: twelve programs with a data race each, and the same twelve without, every one in a process of its own: which of them does
// clang's thread sanitizer accuse? This program and the library are built with it (versus/CMakeLists.txt).
//
//   x18_races_thrum --run planted/counter        is that process
//
// tests/races runs them, too.
#include "kit/kit.h"

#include <thrum/thrum.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

#if defined(__has_feature)
constexpr bool sanitized = __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

// Two tasks are here at the same time, so each has a processor; and yet neither is ordered behind the other. (What two fibers do one
// after the other on one processor, the sanitizer takes for ordered: their switch orders it.) Who came last goes on a moment later: of
// two accesses in the very same instant the sanitizer may see neither. It keeps the last four accesses to eight bytes: those to the
// meeting must not push out what is looked for.
class alignas(64) meeting {
public:
  void arrive() {
    // Relaxed: not to order anything is the point.
    const bool is_last = here_.fetch_add(1, std::memory_order_relaxed) == 1;
    while (here_.load(std::memory_order_relaxed) < 2) {}
    for (int i = is_last ? 20'000 : 0; i > 0; --i) static_cast<void>(here_.load(std::memory_order_relaxed));
  }

private:
  std::atomic<int> here_{0};
};

// f and g, each in a fiber, after these have met.
void at_once(auto f, auto g) {
  meeting start;
  thrum::wait_group all;
  all.go([&] { start.arrive(), f(); });
  all.go([&] { start.arrive(), g(); });
  all.wait();
}

// What is read is used.
void use(int value) { asm volatile("" ::"r"(value)); }

// ---- a number

void planted_counter() {
  int n = 0;
  at_once([&] { ++n; }, [&] { ++n; });
}
void clean_counter() {
  thrum::mutex m;
  int n = 0;
  auto add = [&] {
    const std::lock_guard hold(m);
    ++n;
  };
  at_once(add, add);
}

// ---- a map

void planted_map() {
  std::map<int, int> ages;
  ages[0] = 1;
  at_once([&] { ages[1] = 36; }, [&] { ages[2] = 41; });
}
void clean_map() {
  thrum::guarded<std::map<int, int>> ages;
  at_once([&] { ages.lock()->emplace(1, 36); }, [&] { ages.lock()->emplace(2, 41); });
}

// ---- what was made is shown to others

void publish(std::memory_order store, std::memory_order load) {
  int made = 0;
  alignas(64) std::atomic<bool> ready = false; // as meeting
  at_once(
      [&] {
        made = 42;
        ready.store(true, store);
      },
      [&] {
        while (!ready.load(load)) {}
        use(made);
      });
}
void planted_publication() { publish(std::memory_order_relaxed, std::memory_order_relaxed); }
void clean_publication() { publish(std::memory_order_release, std::memory_order_acquire); }

// ---- the variable of a loop

void planted_loop() {
  thrum::wait_group all;
  std::atomic<int> begun = 0;
  for (int i = 0; i < 2; ++i) {
    all.go([&] {
      begun.fetch_add(1, std::memory_order_relaxed); // relaxed: as in meeting
      use(i);
    });
    while (begun.load(std::memory_order_relaxed) == i) {}
  }
  all.wait();
}
void clean_loop() {
  thrum::wait_group all;
  std::atomic<int> begun = 0;
  for (int i = 0; i < 2; ++i) {
    all.go([&begun, i] {
      begun.fetch_add(1, std::memory_order_relaxed); // relaxed: as in meeting
      use(i);
    });
    while (begun.load(std::memory_order_relaxed) == i) {}
  }
  all.wait();
}

// ---- the wrong lock

void lock_and_add(thrum::mutex& first, thrum::mutex& second) {
  int n = 0;
  auto add = [&n](thrum::mutex& m) {
    const std::lock_guard hold(m);
    ++n;
  };
  at_once([&] { add(first); }, [&] { add(second); });
}
void planted_lock() {
  thrum::mutex one, other;
  lock_and_add(one, other);
}
void clean_lock() {
  thrum::mutex one;
  lock_and_add(one, one);
}

// ---- a lock for readers, under which something is written

void planted_shared_lock() {
  thrum::shared_mutex m;
  meeting inside;
  int looked_up = 0;
  auto look_up = [&] {
    const std::shared_lock hold(m);
    inside.arrive();
    ++looked_up;
  };
  at_once(look_up, look_up);
}
void clean_shared_lock() {
  thrum::shared_mutex m;
  meeting inside;
  int value = 1;
  std::atomic<int> looked_up = 0;
  auto look_up = [&] {
    {
      const std::shared_lock hold(m);
      inside.arrive();
      looked_up.fetch_add(value, std::memory_order_relaxed); // relaxed: a count
    }
    const std::unique_lock hold(m);
    ++value;
  };
  at_once(look_up, look_up);
}

// ---- made once, by whoever is first

void planted_once() {
  thrum::mutex m;
  bool made = false;
  int value = 0;
  auto get = [&] {
    if (!made) { // looks without the lock
      const std::lock_guard hold(m);
      if (!made) value = 42, made = true;
    }
    use(value);
  };
  at_once(get, get);
}
void clean_once() {
  thrum::once_flag made;
  int value = 0;
  auto get = [&] {
    thrum::call_once(made, [&] { value = 42; });
    use(value);
  };
  at_once(get, get);
}

// ---- a pointer that is sent

void planted_sent() {
  const thrum::chan<std::shared_ptr<int>> c;
  meeting after;
  at_once(
      [&] {
        const auto mine = std::make_shared<int>(1);
        c.send(mine);
        after.arrive();
        *mine = 2; // it is not mine any more
      },
      [&] {
        const auto got = *c.recv();
        after.arrive();
        use(*got);
      });
}
void clean_sent() {
  const thrum::chan<std::unique_ptr<int>> c;
  meeting after;
  at_once(
      [&] {
        auto mine = std::make_unique<int>(1);
        *mine = 2;
        c.send(std::move(mine));
        after.arrive();
      },
      [&] {
        const auto got = *c.recv();
        after.arrive();
        *got = 3;
      });
}

// ---- two halves of a vector

void fill_halves(std::size_t end_of_first) {
  std::vector<int> v(100);
  auto fill = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) v[i] = 1;
  };
  at_once([&] { fill(0, end_of_first); }, [&] { fill(50, 100); });
}
void planted_halves() { fill_halves(51); }
void clean_halves() { fill_halves(50); }

// ---- a flag that says that something is closed

template <class Flag> void close_and_look() {
  Flag closed = false;
  at_once([&] { closed = true; }, [&] { use(closed); });
}
void planted_closed() { close_and_look<bool>(); }
void clean_closed() { close_and_look<std::atomic<bool>>(); }

// ---- a result, and the count that says that it is there

void planted_done() {
  thrum::wait_group all;
  meeting after;
  int result = 0;
  all.add(1);
  thrum::fiber<> worker = thrum::spawn([&] {
    all.done(); // too early
    after.arrive();
    result = 42;
  });
  all.wait();
  after.arrive();
  use(result);
  worker.join();
}
void clean_done() {
  thrum::wait_group all;
  meeting after;
  int result = 0;
  all.add(1);
  thrum::fiber<> worker = thrum::spawn([&] {
    result = 42;
    all.done();
    after.arrive();
  });
  all.wait();
  after.arrive();
  use(result);
  worker.join();
}

// ---- a function that looks as if it changed nothing

class circle {
public:
  double area() const {
    if (!known_) known_ = 3.14 * radius_ * radius_;
    return *known_;
  }
  double locked_area() const {
    const std::lock_guard hold(m_);
    return area();
  }

private:
  double radius_ = 1;
  mutable std::optional<double> known_;
  mutable thrum::mutex m_;
};
void planted_cache() {
  const circle c;
  auto look = [&] { use(static_cast<int>(c.area())); };
  at_once(look, look);
}
void clean_cache() {
  const circle c;
  auto look = [&] { use(static_cast<int>(c.locked_area())); };
  at_once(look, look);
}

struct program {
  const char* name;
  void (*planted)();
  void (*clean)();
};
const program programs[] = {
    {"counter", planted_counter, clean_counter},
    {"map", planted_map, clean_map},
    {"publication", planted_publication, clean_publication},
    {"loop", planted_loop, clean_loop},
    {"lock", planted_lock, clean_lock},
    {"shared_lock", planted_shared_lock, clean_shared_lock},
    {"once", planted_once, clean_once},
    {"sent", planted_sent, clean_sent},
    {"halves", planted_halves, clean_halves},
    {"closed", planted_closed, clean_closed},
    {"done", planted_done, clean_done},
    {"cache", planted_cache, clean_cache},
};

int run_one(const std::string& which) {
  for (const program& p : programs) {
    if (which == std::string("planted/") + p.name)
      return thrum::run(
          [&] {
            p.planted();
            return 0;
          },
          {.processors = 2});
    if (which == std::string("clean/") + p.name)
      return thrum::run(
          [&] {
            p.clean();
            return 0;
          },
          {.processors = 2});
  }
  std::fprintf(stderr, "there is no program %s\n", which.c_str());
  return 2;
}

struct outcome {
  bool accused = false, ended = false;
};
outcome watch(const std::string& which) {
  // 66: what the sanitizer makes of the exit code when it has found something. Symbols are for people.
  const std::string command = "exec env TSAN_OPTIONS=exitcode=66:atexit_sleep_ms=0:symbolize=0 /proc/" +
                              std::to_string(::getpid()) + "/exe --run " + which + " 2>&1";
  FILE* child = ::popen(command.c_str(), "re");
  if (child == nullptr) return {};
  std::string text;
  for (int c = 0; (c = std::fgetc(child)) != EOF;) text += static_cast<char>(c);
  const int status = ::pclose(child);
  return {text.find("ThreadSanitizer: data race") != text.npos, status == 0 || status == 66 << 8};
}

// How many of the twelve are accused. What runs at once is not in our hands, so each runs more than once.
int accused(const char* kind, int runs, int& ended) {
  int found = 0;
  for (const program& p : programs) {
    outcome seen;
    for (int i = 0; i < runs && !seen.accused; ++i) seen = watch(std::string(kind) + "/" + p.name);
    found += seen.accused;
    ended += seen.ended;
  }
  return found;
}

void count(const kit::bench& b, const char* kind, const char* metric, bool wanted, int runs) {
  if (!b.wants(kind)) return;
  int ended = 0;
  const int found = accused(kind, runs, ended);
  b.emit(kind, 12, metric, wanted ? 12 - found : found, "of 12");
  b.emit(kind, 12, "check", ended, "count");
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--run") == 0) return run_one(argv[2]);
  if (!sanitized) {
    std::fputs("needs clang 16 or newer with its thread sanitizer: apt install clang libclang-rt-dev\n",
               stderr);
    return 1;
  }
  const kit::bench b("X18", "thrum", argc, argv);
  count(b, "planted", "missed", true, 10);
  count(b, "clean", "accused", false, b.quick() ? 1 : 10);
}
