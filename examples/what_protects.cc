// What protects from what. Fibers run on all processors at once, so nothing is whole by itself: a lock, an atomic or a channel makes
// it so. On a strand or an event loop everything is whole between two waits, and nothing is across one. Python's global lock
// is a third thing: tests/models/gil.py does the same there, docs/what-protects-what.md compares.
#include <thrum/event_loop.h>
#include <thrum/strand.h>
#include <thrum/thrum.h>

#include <cstddef>
#include <cstdio>
#include <mutex>
#include <vector>

constexpr int each = 10'000;

// Four fibers on all processors. Without the guarded<T> this would be a data race.
void containers() {
  thrum::guarded<std::vector<int>> items;
  thrum::wait_group all;
  for (int i = 0; i < 4; ++i)
    all.go([&] {
      for (int k = 0; k < each; ++k) items.lock()->push_back(k);
    });
  all.wait();
  std::printf("four fibers append to one guarded vector: %zu of %d are there\n", items.lock()->size(),
              4 * each);
}

void one_number() {
  thrum::atomic<int> count{0};
  thrum::wait_group all;
  for (int i = 0; i < 4; ++i)
    all.go([&] {
      for (int k = 0; k < each; ++k) count.fetch_add(1, std::memory_order_relaxed);
    });
  all.wait();
  std::printf("four fibers add to one atomic: %d of %d\n", count.load(), 4 * each);
}

// Reads, waits until the other has read, writes. On one strand there is no data race, and an update is lost all the same.
void read_and_write() {
  thrum::strand account;
  int balance = 0;
  thrum::barrier both_have_read(2);
  const auto deposit = [&] {
    const int before = balance;
    both_have_read.arrive_and_wait();
    balance = before + 1;
  };
  auto one = account.spawn(deposit);
  auto two = account.spawn(deposit);
  one.join();
  two.join();
  std::printf("two fibers of one strand read, wait, and write: %d of 2\n", balance);
}

void read_and_write_with_lock() {
  int balance = 0;
  thrum::mutex account;
  const auto deposit = [&] {
    const std::lock_guard hold(account); // across the wait
    const int before = balance;
    thrum::this_fiber::yield();
    balance = before + 1;
  };
  auto one = thrum::spawn(deposit);
  auto two = thrum::spawn(deposit);
  one.join();
  two.join();
  std::printf("the same with a lock across it: %d of 2\n", balance);
}

// What belongs together is under one lock: nobody sees it half done.
void two_objects() {
  struct balances {
    int left = 100, right = 0;
  };
  thrum::guarded<balances> accounts;
  thrum::latch begun(1);
  auto mover = thrum::spawn([&] {
    auto a = accounts.lock();
    a->left -= 10;
    begun.count_down();
    for (int i = 0; i < 100; ++i) thrum::this_fiber::yield(); // the other one tries to look
    a->right += 10;
  });
  begun.wait();
  const int seen = accounts.with([](const auto& a) { return a.left + a.right; });
  mover.join();
  std::printf("between two changes under one lock another fiber sees %d\n", seen);
}

int main() {
  return thrum::run([] {
    containers();
    one_number();
    read_and_write();
    read_and_write_with_lock();
    two_objects();
    return 0;
  });
}
