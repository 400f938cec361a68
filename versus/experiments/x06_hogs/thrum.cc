// X6 in thrum: how late is a ticker of 1 ms beside fibers that compute and never pause? And how fast is an echo server? And an event
// loop, while a callback computes?
#include "kit/kit.h"

#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
[[gnu::noinline]] unsigned unit(unsigned x) {
  for (int i = 0; i < 1000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  return x;
}

long hog(const std::atomic<bool>& stop) {
  long units = 0;
  unsigned x = 1;
  do x = unit(x), ++units;
  while (!stop.load(std::memory_order_relaxed)); // relaxed: it says when, it publishes nothing
  return x != 0 ? units : 0;
}

// CPU time of a unit in so many plain threads and nothing else.
double alone(bool quick, unsigned threads) {
  std::atomic<bool> stop{false};
  std::atomic<long> units{0};
  const double cpu = kit::cpu_ns();
  {
    std::vector<std::jthread> running;
    for (unsigned i = 0; i < threads; ++i) running.emplace_back([&] { units += hog(stop); });
    thrum::this_fiber::sleep_for(quick ? 100ms : 500ms);
    stop.store(true, std::memory_order_relaxed); // relaxed: see hog
  }
  return (kit::cpu_ns() - cpu) / static_cast<double>(units.load());
}

void ticker(const kit::bench& b, const char* variant, unsigned hogs) {
  if (!b.wants(variant)) return;
  const double unit_alone =
      hogs > 0 ? alone(b.quick(), std::min(hogs, thrum::runtime::current().processors())) : 0;
  const std::size_t ticks = b.quick() ? 1000 : 2000;
  std::atomic<bool> stop{false};
  std::vector<double> late;
  late.reserve(ticks);
  long units = 0, kept = 0, least = std::numeric_limits<long>::max(), most = 0;
  const double cpu = kit::cpu_ns();
  {
    std::vector<thrum::fiber<long>> running;
    for (unsigned i = 0; i < hogs; ++i) running.push_back(thrum::spawn(hog, std::cref(stop)));
    for (clock::time_point due = clock::now(); late.size() < ticks;) {
      due += 1ms;
      thrum::this_fiber::sleep_until(due);
      late.push_back(std::chrono::duration<double, std::micro>(clock::now() - due).count());
      if (late.back() >= 0) ++kept;
    }
    stop.store(true, std::memory_order_relaxed); // relaxed: see hog
    for (thrum::fiber<long>& each : running) {
      const long did = each.join();
      units += did;
      least = std::min(least, did);
      most = std::max(most, did);
    }
  }
  const double spent = kit::cpu_ns() - cpu;
  b.emit_lateness(variant, late, 1000);
  std::sort(late.begin(), late.end());
  const long n = static_cast<long>(ticks);
  b.emit(variant, n, "p99", late[ticks * 99 / 100], "us");
  b.emit(variant, n, "p50", late[ticks / 2], "us");
  b.emit(variant, n, "max", late.back(), "us");
  if (hogs > 0)
    b.emit(variant, n, "work", spent / static_cast<double>(units) / unit_alone * 100, "% of alone");
  if (hogs > thrum::runtime::current().processors())
    b.emit(variant, n, "uneven", static_cast<double>(most) / static_cast<double>(least), "times the least");
  b.emit(variant, n, "check", static_cast<double>(least > 0 ? kept : 0), "count");
}

// ---- an echo server beside hogs. Its clients are another process: this program, called as "client <port> <milliseconds>".

constexpr int connections = 64;
constexpr std::size_t message = 64;

void echo(const thrum::net::tcp_stream& stream) {
  char buffer[4096];
  while (auto n = stream.read_some(buffer))
    if (*n == 0 || !stream.write_all({buffer, *n})) return;
}

// One question at a time on each connection. Prints how many were answered rightly, seconds, and microseconds: the 99th
// percentile and the longest.
void ask(std::uint16_t port, std::chrono::milliseconds length) {
  std::vector<std::vector<double>> took(connections);
  std::vector<thrum::fiber<void>> all;
  const clock::time_point start = clock::now();
  for (int i = 0; i < connections; ++i)
    all.push_back(thrum::spawn([&mine = took[static_cast<std::size_t>(i)], start, port, length, i] {
      auto stream = thrum::net::tcp_stream::connect(thrum::net::endpoint::loopback_v4(port)).value();
      char question[message] = {}, answer[message];
      for (long k = 0;; ++k) {
        const clock::time_point asked = clock::now();
        if (asked - start > length) return;
        std::memcpy(question, &k, sizeof k);
        question[message - 1] = static_cast<char>(i);
        stream.write_all(question).value();
        stream.read_exactly(answer).value();
        if (std::memcmp(question, answer, message) != 0) return;
        mine.push_back(std::chrono::duration<double, std::micro>(clock::now() - asked).count());
      }
    }));
  for (auto& each : all) each.join();
  const double seconds = std::chrono::duration<double>(clock::now() - start).count();
  std::vector<double> every;
  for (const auto& one : took) every.insert(every.end(), one.begin(), one.end());
  std::sort(every.begin(), every.end());
  if (every.empty()) every.push_back(0);
  std::printf("%zu %.9f %.3f %.3f\n", every.size(), seconds, every[every.size() * 99 / 100], every.back());
}

struct answers {
  std::size_t n = 0;
  double seconds = 0, p99 = 0, longest = 0;
  bool all_worked = true; // of the hogs

  double per_request() const { return seconds * 1e6 / static_cast<double>(n); }
};

answers ask_beside(const kit::bench& b, unsigned hogs) {
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
  auto accepting = thrum::spawn([&] {
    while (auto stream = listener.accept()) thrum::go([s = std::move(*stream)] { echo(s); });
  });
  std::atomic<bool> stop{false};
  std::vector<thrum::fiber<long>> running;
  for (unsigned i = 0; i < hogs; ++i) running.push_back(thrum::spawn(hog, std::cref(stop)));
  const std::string command = "/proc/" + std::to_string(getpid()) + "/exe client " +
                              std::to_string(listener.local_address().value().port()) +
                              (b.quick() ? " 1000" : " 2000");
  answers a;
  if (FILE* client = popen(command.c_str(), "r")) {
    if (std::fscanf(client, "%zu %lf %lf %lf", &a.n, &a.seconds, &a.p99, &a.longest) != 4)
      a.n = 0; // blocks its thread
    pclose(client);
  }
  stop.store(true, std::memory_order_relaxed); // relaxed: see hog
  for (thrum::fiber<long>& each : running) a.all_worked = each.join() > 0 && a.all_worked;
  listener.close();
  accepting.join();
  return a;
}

void report(const kit::bench& b, const char* variant, const answers& a) {
  const long requests = static_cast<long>(a.n);
  b.emit(variant, requests, "request", a.per_request(), "us");
  b.emit(variant, requests, "answer", a.p99, "us");
  b.emit(variant, requests, "longest", a.longest, "us");
  b.emit(variant, requests, "check", static_cast<double>(a.all_worked ? requests : 0), "count");
}

void echo_beside(const kit::bench& b, const char* variant, unsigned hogs) {
  if (b.wants(variant)) report(b, variant, ask_beside(b, hogs));
}

// Of two processors, one hog may take one: then requests take twice as long, and that is 100 %.
void echo_beside_one(const kit::bench& b) {
  if (!b.wants("echo1")) return;
  const double alone = ask_beside(b, 0).per_request();
  const answers a = ask_beside(b, 1);
  const unsigned processors = std::max(2u, thrum::runtime::current().processors());
  b.emit("echo1", static_cast<long>(a.n), "share",
         a.per_request() / alone * (processors - 1) / processors * 100, "% of the share");
  report(b, "echo1", a);
}

// ---- an event loop with a timer for each millisecond, all set in the beginning. After 50 ms there is something to compute.

enum class heavy { none, in_a_callback, in_a_fiber };

bool compute_for(std::chrono::milliseconds length) {
  const clock::time_point end = clock::now() + length;
  unsigned x = 1;
  do x = unit(x);
  while (clock::now() < end);
  return x != 0;
}

void loop_timers(const kit::bench& b, const char* variant, heavy what) {
  if (!b.wants(variant)) return;
  std::vector<double> late(what == heavy::none ? 1000 : 400, -1);
  bool computed = what == heavy::none;
  thrum::event_loop loop;
  loop.run([&] {
    for (std::size_t i = 0; i < late.size(); ++i) {
      const auto after = 1ms * static_cast<int>(i + 1);
      loop.set_timeout(after, [&late, i, due = clock::now() + after] {
        late[i] = std::chrono::duration<double, std::micro>(clock::now() - due).count();
      });
    }
    if (what == heavy::in_a_callback) loop.set_timeout(50ms, [&] { computed = compute_for(300ms); });
    if (what == heavy::in_a_fiber)
      loop.set_timeout(50ms, [&] {
        static_cast<void>(thrum::async(thrum::runtime::current(), [] {
                            return compute_for(300ms);
                          }).then(loop, [&, kept = loop.keep()](bool done) { computed = done; }));
      });
  });
  b.emit_lateness(variant, late, 1000);
  std::sort(late.begin(), late.end());
  const long n = static_cast<long>(late.size());
  b.emit(variant, n, "max", late.back(), "us");
  b.emit(variant, n, "p99", late[late.size() * 99 / 100], "us");
  b.emit(variant, n, "p50", late[late.size() / 2], "us");
  b.emit(variant, n, "check", static_cast<double>(computed && late.front() >= 0 ? n : 0), "count");
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "client") == 0) {
    thrum::run(
        [&] {
          ask(static_cast<std::uint16_t>(std::atoi(argv[2])), std::chrono::milliseconds(std::atoi(argv[3])));
        },
        {.processors = 1});
    return 0;
  }
  kit::bench b("X6", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        const unsigned processors = thrum::runtime::current().processors();
        ticker(b, "hogs0", 0);
        ticker(b, "hogs1", 1);
        ticker(b, "hogsP", processors);
        ticker(b, "hogs4P", 4 * processors);
        echo_beside(b, "echo0", 0);
        echo_beside(b, "echoP", processors);
        echo_beside_one(b);
        loop_timers(b, "loop", heavy::none);
        loop_timers(b, "loopHeavy", heavy::in_a_callback);
        loop_timers(b, "loopSpawn", heavy::in_a_fiber);
        return 0;
      },
      {.processors = b.processors()});
}
