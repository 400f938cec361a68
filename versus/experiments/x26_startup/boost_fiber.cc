// X26 in Boost.Fiber: an empty program, and one whose fibers all sleep.
#include "kit/boost_fiber.h"
#include "experiments/x26_startup/clocked.h"

#include <atomic>
#include <chrono>

namespace {

void idle() {
  std::atomic<int> begun{0};
  std::vector<fibers::fiber> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(kit::post([&begun] {
      if (++begun == 100) say_done(100);
      boost::this_fiber::sleep_for(std::chrono::hours(1));
    }));
  for (fibers::fiber& f : all) f.join();
}

} // namespace

int main(int argc, char** argv) {
  if (to_be() == "empty") kit::run(0, [] { fibers::fiber([] { say_done(1); }).join(); });
  if (to_be() == "idle") kit::run(0, idle);
  return to_be().empty() ? be_measured("boost_fiber", argc, argv) : 0;
}
