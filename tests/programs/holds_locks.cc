// Fibers that wait while they hold a lock of their thread: `holds_locks NAME`. debug_test.cc reads what is said about it.
#include <thrum/thrum.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <shared_mutex>

namespace {

using thrum::chan;

std::mutex lock;
std::shared_mutex shared_lock;

// Starts f in a fiber named 'guilty', three times from the same place, whose line is told on standard output.
template <class F> void three_times(F f) {
  for (int i = 0; i < 3; ++i) {
    if (i == 0) std::printf("%d\n", __LINE__ + 1);
    auto guilty = thrum::spawn({.name = "guilty"}, f);
    guilty.join();
  }
}

// The thread that locks must unlock: so on one processor, and the fiber is the only one to go on.
void waits() {
  three_times([] {
    const std::lock_guard hold(lock);
    chan<int> c;
    auto other = thrum::spawn([=] { c.send(1); });
    static_cast<void>(c.recv());
    other.join();
  });
}
void waits_for_nobody() {
  three_times([] {
    const std::lock_guard hold(lock);
    thrum::this_fiber::sleep_for(std::chrono::microseconds(10));
  });
}
void yields() {
  auto other = thrum::spawn([] {
    while (!thrum::this_fiber::stop_requested()) thrum::this_fiber::yield();
  });
  thrum::this_fiber::yield();
  three_times([] {
    const std::shared_lock hold(shared_lock);
    thrum::this_fiber::yield();
  });
}
void ends() {
  three_times([] { static_cast<void>(lock.try_lock()); });
  lock.unlock();
}
void does_nothing_wrong() {
  three_times([] {
    thrum::mutex ours;
    const std::lock_guard hold(ours);
    { const std::lock_guard brief(lock); }
    if (lock.try_lock()) lock.unlock();
    { const std::unique_lock brief(shared_lock); }
    { const std::scoped_lock both(lock, shared_lock); }
    thrum::this_fiber::sleep_for(std::chrono::microseconds(10));
    thrum::this_fiber::yield();
  });
}

} // namespace

int main(int argc, char** argv) {
  const char* name = argc == 2 ? argv[1] : "";
  thrum::run(
      [&] {
        if (std::strcmp(name, "waits") == 0) waits();
        if (std::strcmp(name, "waits_for_nobody") == 0) waits_for_nobody();
        if (std::strcmp(name, "yields") == 0) yields();
        if (std::strcmp(name, "ends") == 0) ends();
        if (std::strcmp(name, "does_nothing_wrong") == 0) does_nothing_wrong();
      },
      {.processors = 1});
}
