// X17 in thrum: calls to a pool of processes, what a process of it occupies, and what is left when one dies.
#include "kit/kit.h"

#include <thrum/process_pool.h>
#include <thrum/shared_buffer.h>
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace std::chrono_literals;
using block = std::vector<std::uint8_t>;

constexpr std::size_t mebibyte = 1 << 20;

// What the processes are called for.
int next_of(int i) { return i + 1; }
void touch(std::span<std::uint8_t> bytes) { ++bytes.front(), ++bytes.back(); }
block touched(block b) {
  touch(b);
  return b;
}
void touch_shared(const thrum::shared_buffer& b) { touch(b.as<std::uint8_t>()); }
int nap(int ms) {
  thrum::this_fiber::sleep_for(std::chrono::milliseconds(ms));
  return ms;
}
void die() {
  nap(20);
  std::raise(SIGKILL);
}

// One call after the other; call(i) says whether the answer was right.
template <class F> void time_calls(const kit::bench& b, const char* variant, int n, F call) {
  if (!b.wants(variant)) return;
  if (!b.quick()) n *= 10;
  for (int i = 0; i < n / 10; ++i) call(i);
  long right = 0;
  const double start = kit::wall_ns();
  for (int i = 0; i < n; ++i) right += call(i);
  b.emit(variant, n, "wall", (kit::wall_ns() - start) / 1e3 / n, "us/call");
  b.emit(variant, n, "check", static_cast<double>(right), "count");
}

void time_all_calls(const kit::bench& b) {
  thrum::process_pool pool({.processes = 2});
  block bytes(mebibyte);
  const auto is_touched = [](std::span<const std::uint8_t> seen, int i) {
    const auto wanted = static_cast<std::uint8_t>(i + 1);
    return seen.size() == mebibyte && seen.front() == wanted && seen.back() == wanted;
  };
  const auto mark = [](std::span<std::uint8_t> all, int i) {
    all.front() = all.back() = static_cast<std::uint8_t>(i);
  };

  time_calls(b, "call", 1000, [&](int i) { return pool.submit(thrum::fn<&next_of>, i).get() == i + 1; });
  time_calls(b, "copied", 30, [&](int i) {
    mark(bytes, i);
    return is_touched(pool.submit(thrum::fn<&touched>, bytes).get(), i);
  });
  const thrum::shared_buffer shared(mebibyte);
  time_calls(b, "shared", 300, [&](int i) {
    mark(shared.as<std::uint8_t>(), i);
    pool.submit(thrum::fn<&touch_shared>, shared).get();
    return is_touched(shared.as<std::uint8_t>(), i);
  });
  thrum::thread_pool threads({.threads = 2});
  time_calls(b, "thread", 1000, [&](int i) {
    mark(bytes, i);
    threads.spawn([&] { touch(bytes); }).join();
    return is_touched(bytes, i);
  });
}

void weigh_workers(const kit::bench& b) {
  if (!b.wants("worker")) return;
  const block heap(64 * mebibyte, 1);
  thrum::process_pool pool({.processes = 2});
  pool.map(thrum::fn<&nap>, std::vector<int>{20, 20}, 1);
  kit::kinds own;
  for (const int id : pool.ids()) own = own + kit::own_kinds(id);
  b.emit_memory("worker", 2, own, "MiB/worker");
  b.emit("worker", 2, "check", static_cast<double>(pool.ids().size()) + heap[0] - 1, "count");
}

void kill_a_worker(const kit::bench& b) {
  if (!b.wants("death")) return;
  thrum::process_pool pool({.processes = 2});
  const double limit_ms = b.quick() ? 2'000 : 5'000;
  double told = limit_ms;
  int good = 0;

  const double start = kit::wall_ns();
  auto doomed = pool.submit(thrum::fn<&die>).or_timeout(std::chrono::duration<double, std::milli>(limit_ms));
  std::vector<thrum::future<int>> others;
  for (int i = 0; i < 7; ++i) others.push_back(pool.submit(thrum::fn<&nap>, 50));
  bool died = false;
  try {
    doomed.get();
  } catch (const thrum::worker_died& e) {
    told = (kit::wall_ns() - start) / 1e6;
    died = e.status().signal == SIGKILL;
  } catch (const thrum::timed_out&) {}
  for (int i = 0; i < 4; ++i) others.push_back(pool.submit(thrum::fn<&nap>, 5));
  for (thrum::future<int>& each : others) try {
      good += each.get() > 0;
    } catch (const std::exception&) {}
  b.emit("death", 1, "lost", 100.0 * (11 - good) / 11, "%");
  b.emit("death", 1, "told", told, "ms");
  b.emit("death", 1, "check", died, "count");
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X17", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        if (b.wants("call") || b.wants("copied") || b.wants("shared") || b.wants("thread")) time_all_calls(b);
        weigh_workers(b);
        kill_a_worker(b);
        return 0;
      },
      {.processors = b.processors()});
}
