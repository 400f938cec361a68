// Does an operation have to wait? Asked without a clock: an operation that waits throws `cancelled` when its fiber is asked to
// stop, and nothing else does. So a fiber that was asked to stop and still finished never had to wait.
#pragma once

#include <thrum/error.h>
#include <thrum/spawn.h>
#include <thrum/this_fiber.h>

#include <atomic>
#include <ostream>
#include <utility>

namespace test {

// Yields until the condition holds. The watchdog of the test program ends a test whose condition never does.
template <class Condition> void until(Condition condition) {
  while (!condition()) thrum::this_fiber::yield();
}

enum class ends { at_once, after_waiting, with_channel_closed };

inline std::ostream& operator<<(std::ostream& out, ends e) {
  return out << (e == ends::at_once         ? "ends at once"
                 : e == ends::after_waiting ? "waits"
                                            : "throws channel_closed");
}

// `parked`: the stop request comes when the operation waits already, if it does; otherwise before it begins.
template <class Operation> ends how_it_ends(Operation operation, bool parked) {
  std::atomic<bool> begun{false};
  auto trial = thrum::spawn([&] {
    begun = true;
    operation();
  });
  if (parked) {
    until([&] { return begun.load(); });
    for (int i = 0; i < 3; ++i)
      thrum::this_fiber::yield(); // on one processor it is parked, or done, after one
  }
  trial.request_stop();
  try {
    trial.join();
    return ends::at_once;
  } catch (const thrum::cancelled&) { return ends::after_waiting; } catch (const thrum::channel_closed&) {
    return ends::with_channel_closed;
  }
}

} // namespace test
