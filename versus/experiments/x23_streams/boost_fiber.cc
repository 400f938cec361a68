// X23 in Boost.Fiber: blocks of 64 KiB from a source through two stages into a sink, by channels.
#include "kit/boost_fiber.h"
#include "experiments/x23_streams/blocks.h"

#include <chrono>

namespace {

using channel = fibers::buffered_channel<block_ptr>;

void stage(channel& from, channel& to) {
  for (block_ptr b; from.pop(b) == fibers::channel_op_status::success;) {
    step(*b);
    to.push(std::move(b));
  }
  to.close();
}

long blocks(long n, bool slow) {
  channel raw(2), half(2), done(2); // the least there is: room for one
  std::vector<fibers::fiber> stages;
  stages.push_back(kit::post([&] {
    for (long i = 0; i < n; ++i) {
      block_ptr b = new_block();
      fill(*b, i);
      raw.push(std::move(b));
    }
    raw.close();
  }));
  stages.push_back(kit::post([&] { stage(raw, half); }));
  stages.push_back(kit::post([&] { stage(half, done); }));
  const double start = kit::wall_ns();
  long right = 0, i = 0;
  for (block_ptr b; done.pop(b) == fibers::channel_op_status::success;) {
    right += is_right(*b, i);
    if (slow)
      keep_slow(i, start, [](double seconds) {
        boost::this_fiber::sleep_for(std::chrono::nanoseconds(static_cast<long>(seconds * 1e9)));
      });
    ++i;
  }
  for (fibers::fiber& f : stages) f.join();
  return right;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X23", "boost_fiber", argc, argv);
  kit::run(b.processors(), [&b] {
    b.measure("blocks", 1, [](long n) { return blocks(n, false); });
    measure_memory(b, "slow", blocks);
  });
}
