// A bug of order, found by a simulation: two transfers at the same time, between two accounts. Each looks whether there is enough,
// writes a line for the auditor, and then moves the money. It works nearly always: only if another transfer comes by between
// the look and the move, an account is overdrawn. The simulation tries one order after the other, each from a number, its seed, and
// names the one that fails. The last lines show the cure, which passes a thousand orders.
//
//   THRUM_SEED=5 ./simulation     makes that run, and no other
#include <thrum/simulate.h>
#include <thrum/thrum.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

using namespace std::chrono_literals;

struct bank {
  int alice = 100;
  int bob = 0;
  thrum::mutex lock;
  thrum::chan<std::string> audit{8};
};

void transfer(bank& b, int amount) {
  if (b.alice < amount) return;
  b.audit.send("from alice to bob: " + std::to_string(amount)); // here another one may come by
  b.alice -= amount;
  b.bob += amount;
}

void transfer_locked(bank& b, int amount) {
  const std::lock_guard hold(b.lock);
  transfer(b, amount);
}

bool two_transfers(void (*transfer_one)(bank&, int)) {
  bank b;
  thrum::wait_group all;
  for (const auto delay : {0h, 1h}) // an hour of waiting costs nothing: time is virtual
    all.go([&b, transfer_one, delay] {
      thrum::this_fiber::sleep_for(delay);
      thrum::this_fiber::sleep_for(1h - delay);
      transfer_one(b, 80);
    });
  all.wait();
  return b.alice >= 0;
}

int main() {
  const auto wrong = thrum::simulate({.runs = 1'000, .quiet = true}, [] { return two_transfers(transfer); });
  std::printf("without a lock: %s\n",
              wrong.failed ? "overdrawn in some order, and the seed of it is known" : "nothing found");
  const auto again =
      thrum::simulate({.seed = wrong.seed, .quiet = true}, [] { return two_transfers(transfer); });
  std::printf("the same seed again: %s\n", again.failed && again.trace_hash == wrong.trace_hash
                                               ? "the same decisions, overdrawn"
                                               : "something else");
  const auto right = thrum::simulate({.runs = 1'000}, [] { return two_transfers(transfer_locked); });
  std::printf("with a lock: %llu orders, %s\n", static_cast<unsigned long long>(right.runs),
              right.failed ? "overdrawn" : "none overdrawn");
  return right.exit_code();
}
