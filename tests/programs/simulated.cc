// A simulated program, for tests that start it: `simulated hashes` prints what sums up the decisions of some runs, `simulated fails`
// looks for a bug of order and prints which run found it, `simulated NAME` does what has no meaning in a simulation.
#include <thrum/net/tcp.h>
#include <thrum/net/unix.h>
#include <thrum/process.h>
#include <thrum/simulate.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

using namespace std::chrono_literals;

namespace {

// Two who talk over a network.
void talk() {
  const auto listener = thrum::net::tcp_listener::listen("10.0.0.1:80").value();
  thrum::wait_group all;
  all.go([&] {
    const auto s = listener.accept().value();
    for (char text[100];;) {
      const std::size_t n = s.read_some(text).value();
      if (n == 0 || !s.write_all({text, n})) return;
    }
  });
  all.go([] {
    const auto s = thrum::net::tcp_stream::connect("10.0.0.1:80").value();
    char text[300] = {};
    s.write_all({text, sizeof text}).value();
    s.read_exactly(text).value();
  });
  all.wait();
}

// Objects at addresses that differ between processes; fibers that meet at channels, locks and times.
void meet() {
  thrum::chan<std::unique_ptr<int>> items(1);
  thrum::mutex m;
  thrum::wait_group all;
  int sum = 0;
  for (int i = 0; i < 4; ++i) {
    all.go([&, i] {
      thrum::this_fiber::sleep_for(std::chrono::microseconds(i % 2));
      items.send(std::make_unique<int>(i));
    });
    all.go([&] {
      const auto item = items.recv();
      const std::lock_guard hold(m);
      sum += **item;
    });
  }
  all.wait();
}

bool update_in_two_steps() {
  int counter = 0;
  thrum::mutex log;
  thrum::wait_group all;
  for (int i = 0; i < 2; ++i)
    all.go([&] {
      const int before = counter;
      { const std::lock_guard hold(log); } // calls the library
      counter = before + 1;
    });
  all.wait();
  return counter == 2;
}

// ---- what another thread or the kernel would decide

void thread_starts_a_fiber() {
  thrum::runtime& here = thrum::runtime::current();
  std::thread([&] { here.go([] {}); }).join();
}
void pins() { const thrum::pinned p; }
void sets_processors() { thrum::runtime::current().set_processors(2); }
void passes_a_descriptor() {
  const auto [one, other] = thrum::net::unix_stream::pair().value();
  static_cast<void>(one.send_descriptor(0));
}
void starts_a_child() { static_cast<void>(thrum::process::start({.program = "/bin/true"})); }
void simulates() {
  static_cast<void>(thrum::simulate({}, [] {}));
}

struct mistake {
  const char* name;
  void (*make)();
};
constexpr mistake mistakes[] = {
    {"thread", thread_starts_a_fiber},   {"pinned", pins},          {"processors", sets_processors},
    {"descriptor", passes_a_descriptor}, {"child", starts_a_child}, {"nested", simulates},
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "hashes") == 0) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      const auto r = thrum::simulate({.seed = seed}, seed <= 20 ? meet : talk);
      if (r.failed) return 1;
      std::printf("%llu %016llx %llu\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(r.trace_hash), static_cast<unsigned long long>(r.steps));
    }
    return 0;
  }
  if (argc == 2 && std::strcmp(argv[1], "cut") == 0) thrum::simulation::cut({});
  for (const mistake& m : mistakes)
    if (argc == 2 && std::strcmp(argv[1], m.name) == 0)
      return thrum::simulate({.seed = 17}, m.make).exit_code();
  const auto r = thrum::simulate({.runs = 1'000}, update_in_two_steps);
  std::printf("%llu runs, hash %016llx\n", static_cast<unsigned long long>(r.runs),
              static_cast<unsigned long long>(r.trace_hash));
  return r.exit_code();
}
