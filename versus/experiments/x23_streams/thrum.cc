// X23 in thrum: blocks of 64 KiB from a source through two stages into a sink: byte pipes, and channels of blocks.
#include "experiments/x23_streams/blocks.h"

#include <thrum/io/byte_pipe.h>
#include <thrum/thrum.h>

#include <chrono>
#include <utility>

namespace {

void sleep(double seconds) { thrum::this_fiber::sleep_for(std::chrono::duration<double>(seconds)); }

// ---- bytes: a pipe copies them in and out

void copy_stage(thrum::io::byte_pipe_reader from, thrum::io::byte_pipe_writer to, long n) {
  const block_ptr b = new_block();
  for (long i = 0; i < n; ++i) {
    from.read_exactly(b->bytes).value();
    step(*b);
    to.write_all(b->bytes).value();
  }
  to.close();
}

long bytes(long n, bool slow) {
  thrum::io::byte_pipe raw, half, done; // 64 KiB each
  thrum::task_group<> stages;
  stages.spawn([n, to = std::move(raw.writer)] {
    const block_ptr b = new_block();
    for (long i = 0; i < n; ++i) {
      fill(*b, i);
      to.write_all(b->bytes).value();
    }
    to.close();
  });
  stages.spawn([n, from = std::move(raw.reader), to = std::move(half.writer)]() mutable {
    copy_stage(std::move(from), std::move(to), n);
  });
  stages.spawn([n, from = std::move(half.reader), to = std::move(done.writer)]() mutable {
    copy_stage(std::move(from), std::move(to), n);
  });
  const block_ptr b = new_block();
  const double start = kit::wall_ns();
  long right = 0;
  for (long i = 0; i < n; ++i) {
    done.reader.read_exactly(b->bytes).value();
    right += is_right(*b, i);
    if (slow) keep_slow(i, start, sleep);
  }
  stages.join();
  return right;
}

// ---- blocks: a channel hands them over

void hand_stage(const thrum::receiver<block_ptr>& from, const thrum::sender<block_ptr>& to) {
  for (block_ptr& b : from) {
    step(*b);
    to.send(std::move(b));
  }
  to.close();
}

long blocks(long n, bool slow, const thrum::chan<block_ptr>& raw, const thrum::chan<block_ptr>& half,
            const thrum::chan<block_ptr>& done) {
  thrum::task_group<> stages;
  stages.spawn([&] {
    for (long i = 0; i < n; ++i) {
      block_ptr b = new_block();
      fill(*b, i);
      raw.send(std::move(b));
    }
    raw.close();
  });
  stages.spawn([&] { hand_stage(raw, half); });
  stages.spawn([&] { hand_stage(half, done); });
  const double start = kit::wall_ns();
  long right = 0, i = 0;
  for (const block_ptr& b : done) {
    right += is_right(*b, i);
    if (slow) keep_slow(i, start, sleep);
    ++i;
  }
  stages.join();
  return right;
}

using channel = thrum::chan<block_ptr>;
long blocks_by_one(long n) { return blocks(n, false, channel(1), channel(1), channel(1)); }
long blocks_without_limit(long n, bool slow) {
  return blocks(n, slow, channel::unbounded(), channel::unbounded(), channel::unbounded());
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X23", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        b.measure("bytes", 1, [](long n) { return bytes(n, false); });
        b.measure("blocks", 1, blocks_by_one);
        measure_memory(b, "slow", bytes);
        measure_memory(b, "unlimited", blocks_without_limit);
        return 0;
      },
      {.processors = b.processors()});
}
