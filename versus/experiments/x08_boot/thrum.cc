// X8 in thrum: how long it takes until an isolate has sent its first message, and what it occupies.
#include "kit/kit.h"

#include <thrum/isolate.h>
#include <thrum/thrum.h>

#include <chrono>
#include <deque>

namespace {

void answer(thrum::isolate_port<int, int>& parent) {
  parent.post(1);
  for (const int n : parent) parent.post(n);
}

// Started, heard, ended; then the next.
long boots(long rounds) {
  long messages = 0;
  for (long i = 0; i < rounds; ++i) {
    thrum::isolate<int, int> worker(&answer);
    messages += worker.recv().value();
    worker.close();
    worker.join();
  }
  return messages;
}

// What one occupies that waits for a message.
void held(const kit::bench& b, const char* variant, long n) {
  if (!b.wants(variant)) return;
  const auto settled = [] {
    kit::settled([] { thrum::this_fiber::sleep_for(std::chrono::milliseconds(20)); });
    return kit::resident_kinds();
  };
  std::deque<thrum::isolate<int, int>> all;
  const kit::kinds before = settled();
  long messages = 0;
  for (long i = 0; i < n; ++i) messages += all.emplace_back(&answer).recv().value();
  b.emit_memory(variant, n, settled() - before, "B/task");
  b.emit(variant, n, "check", static_cast<double>(messages), "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X8", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        b.measure("boot", 1, boots);
        held(b, "held", b.quick() ? 64 : 256);
        return 0;
      },
      {.processors = b.processors()});
}
