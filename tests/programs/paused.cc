// A process that is stopped for a while, as by SIGSTOP, a debugger or a virtual machine that moves: its clock jumps. It says
// "ready", then its parent (behaviour/time_test.cc) stops and continues it, and it says what became of those who waited.
#include <thrum/thrum.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr auto longest = 1'000ms;

int act() {
  std::atomic<int> woken{0};
  std::atomic<int> early{0};
  std::vector<thrum::fiber<void>> all;
  for (int i = 0; i < 1'000; ++i)
    all.push_back(thrum::spawn([&, after = i * longest / 1'000] {
      const auto due = clock_type::now() + after;
      thrum::this_fiber::sleep_for(after);
      if (clock_type::now() < due) ++early;
      ++woken;
    }));

  const thrum::chan<int> silent;
  auto waits =
      thrum::spawn([&] { return silent.recv_for(longest / 2).error() == thrum::chan_status::timeout; });

  // A value that comes in time is not mistaken for one that is late.
  const thrum::chan<int> c;
  auto receives = thrum::spawn([&] { return c.recv_for(3'600s).value() == 7; });
  thrum::timer sends(longest / 2, [&] { c.send(7); });

  thrum::ticker every(10ms);
  auto ticks = thrum::spawn([&, last = every.recv().value()]() mutable { // until one comes after the pause
    for (;;) {
      const auto next = every.recv().value();
      if (next <= last || (next - last) % 10ms != 0ms) return false;
      if (next - last > longest / 4) return true; // those in between were left out
      last = next;
    }
  });

  std::puts("ready");
  std::fflush(stdout);
  for (auto& f : all) f.join();
  std::printf("%d woken, %d too early\n", woken.load(), early.load());
  std::printf("deadline %d, value %d, ticks %d\n", waits.join(), receives.join(), ticks.join());
  return 0;
}

} // namespace

int main() { return thrum::run(&act, {.processors = 2}); }
