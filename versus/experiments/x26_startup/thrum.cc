// X26 in thrum: an empty program, and one whose fibers all sleep.
#include "experiments/x26_startup/clocked.h"

#include <thrum/thrum.h>

#include <chrono>

namespace {

void idle() {
  thrum::wait_group begun, ended;
  begun.add(100);
  for (int i = 0; i < 100; ++i)
    ended.go([&begun] {
      begun.done();
      thrum::this_fiber::sleep_for(std::chrono::hours(1));
    });
  begun.wait();
  say_done(100);
  ended.wait();
}

} // namespace

int main(int argc, char** argv) {
  if (to_be() == "empty") thrum::run([] { say_done(1); });
  if (to_be() == "idle") thrum::run(idle);
  return to_be().empty() ? be_measured("thrum", argc, argv) : 0;
}
