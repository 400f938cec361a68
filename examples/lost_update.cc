// What one event loop protects from, and what not. Fibers of a loop run one at a time and let others run only where they wait: so there
// are no data races, and no locks. But what was read before a wait may be stale after it, in JavaScript's async functions as
// here: an update is lost. Two cures follow.
#include <thrum/event_loop.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;

int balance = 0; // belongs to the loop

void ask_the_bank() { thrum::this_fiber::sleep_for(1ms); }

void deposit_and_lose(int amount) {
  const int before = balance;
  ask_the_bank();            // others run here, and have read the same
  balance = before + amount; // overwrites what they have written
}

// Cure 1: no wait between reading and writing.
void deposit(int amount) {
  ask_the_bank();
  balance += amount;
}

// Cure 2: where the wait must stand between, a lock that is held across it.
thrum::mutex account;
void deposit_with_lock(int amount) {
  const std::lock_guard hold(account);
  const int before = balance;
  ask_the_bank();
  balance = before + amount;
}

void ten_times(const char* how, void (*deposit_one)(int)) {
  thrum::event_loop loop;
  balance = 0;
  std::vector<thrum::fiber<>> all;
  for (int i = 0; i < 10; ++i) all.push_back(loop.spawn([deposit_one] { deposit_one(1); }));
  loop.run();
  for (auto& f : all) f.join();
  std::printf("%s: %d of 10\n", how, balance);
}

int main() {
  ten_times("read, wait, write", deposit_and_lose);
  ten_times("wait, then read and write", deposit);
  ten_times("with a lock across the wait", deposit_with_lock);
}
