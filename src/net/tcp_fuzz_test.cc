// Random programs of connect, accept, read, write, deadlines, close and stop requests, each from a seed that a failure names.
// Whatever they do: every fiber ends, what is echoed is what was sent, the protocol's invariants hold, nothing leaks.
#include "io/descriptor_kit.h"
#include "net/tcp_kit.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace thrum::net {
namespace {

using namespace std::chrono_literals;

struct dice {
  std::mt19937 engine;
  explicit dice(unsigned seed) : engine(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(engine() % n); }
  bool one_in(unsigned n) { return below(n) == 0; }
  io::deadline deadline() {
    switch (below(4)) {
    case 0: return std::chrono::microseconds(below(2'000));
    case 1: return std::chrono::microseconds(below(50));
    default: return {};
    }
  }
};

void perhaps_yield(dice& d) {
  for (unsigned n = d.below(3); n > 0; --n) this_fiber::yield();
}

// Echoes, until something ends it: its deadline, the peer, a close, a stop request.
void serve(const tcp_stream& s, unsigned seed) {
  dice d(seed);
  std::string buffer(1 + d.below(300), '\0');
  for (;;) {
    const auto n = s.read_some(buffer, d.one_in(3) ? d.deadline() : io::deadline());
    if (!n || *n == 0) return;
    if (!s.write_all({buffer.data(), *n})) return;
    if (d.one_in(40)) return;
    if (d.one_in(20)) s.set_deadline(d.deadline());
  }
}

// Sends and checks that the answer is a beginning of what was sent.
void talk(const endpoint& at, unsigned seed) {
  dice d(seed);
  const auto connected = tcp_stream::connect(at, d.one_in(4) ? d.deadline() : io::deadline());
  if (!connected) return;
  const tcp_stream& s = *connected;
  std::string sent;
  std::string got;
  const auto meddler = d.one_in(3) ? spawn([&s, meddling = d.below(1u << 30)] {
    dice m(meddling);
    for (unsigned i = m.below(5); i > 0; --i) {
      perhaps_yield(m);
      switch (m.below(4)) {
      case 0: s.set_read_deadline(m.deadline()); break;
      case 1: s.set_write_deadline(m.deadline()); break;
      case 2: static_cast<void>(s.shutdown_write()); break;
      case 3: s.close(); break;
      }
    }
  })
                                   : fiber<void>();
  for (unsigned i = d.below(20); i > 0; --i) {
    if (d.one_in(2)) {
      const std::string text = test::message(seed, i, 1 + d.below(d.one_in(5) ? 200'000 : 500));
      const auto r =
          s.write_all(text, std::chrono::microseconds(d.below(2'000))); // perhaps nobody accepts it
      sent += text.substr(0, r ? text.size() : r.error().transferred);
      if (!r && r.error() != io::errc::deadline) break;
    } else {
      char buffer[256];
      const auto n = s.read_some(buffer, std::chrono::microseconds(d.below(500)));
      if (n) got.append(buffer, *n);
      if (n ? *n == 0 : n.error() != io::errc::deadline) break;
    }
    perhaps_yield(d);
  }
  ASSERT_LE(got.size(), sent.size()) << "seed " << seed;
  ASSERT_TRUE(sent.starts_with(got)) << "seed " << seed;
  EXPECT_TRUE(descriptor_of(s)->check_invariants());
  if (d.one_in(3)) static_cast<void>(s.reset_on_close(true));
}

void one_schedule(unsigned seed) {
  dice d(seed);
  const tcp_listener l = test::local_listener();
  const endpoint at = l.local_address().value();
  std::vector<fiber<void>> acceptors;
  for (unsigned n = 1 + d.below(3); n > 0; --n)
    acceptors.push_back(spawn([&l, seed = d.below(1u << 30)] {
      dice a(seed);
      std::vector<fiber<void>> served;
      for (;;) {
        auto s = l.accept(a.one_in(2) ? a.deadline() : io::deadline());
        if (!s && s.error() != io::errc::deadline) return;
        this_fiber::yield();
        if (!s) continue;
        served.push_back(spawn([s = std::move(*s), seed = a.below(1u << 30)] { serve(s, seed); }));
        if (a.one_in(4)) served[a.below(static_cast<unsigned>(served.size()))].request_stop();
        if (a.one_in(10))
          l.set_read_deadline(a.deadline()); // a refusal that repeats is ended by the close below
      }
    }));
  std::vector<fiber<void>> clients;
  for (unsigned n = 1 + d.below(6); n > 0; --n)
    clients.push_back(spawn([&at, seed = d.below(1u << 30)] { talk(at, seed); }));
  for (unsigned n = d.below(8); n > 0; --n) {
    perhaps_yield(d);
    if (d.one_in(2)) clients[d.below(static_cast<unsigned>(clients.size()))].request_stop();
  }
  if (d.one_in(3)) l.close(); // or only when the clients are done
  for (auto& c : clients) {
    try {
      c.join();
    } catch (const cancelled&) {}
  }
  l.close();
  for (auto& a : acceptors) a.join();
  EXPECT_TRUE(descriptor_of(l)->check_invariants());
}

class tcp_fuzz : public testing::TestWithParam<unsigned> {};

TEST_P(tcp_fuzz, random_programs_end_and_leak_nothing) {
  const unsigned before = io::test::open_descriptors();
  const int schedules = io::test::repetitions(GetParam() == 2 ? 500 : 250);
  run(
      [&] {
        for (int i = 0; i < schedules; ++i) {
          const auto seed = static_cast<unsigned>(i) * 7919 + GetParam();
          one_schedule(seed);
          ASSERT_FALSE(testing::Test::HasFailure()) << "schedule with seed " << seed;
        }
      },
      {.processors = GetParam()});
  EXPECT_EQ(io::test::open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(processors, tcp_fuzz, testing::Values(1u, 2u, 4u));

} // namespace
} // namespace thrum::net
