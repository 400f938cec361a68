// Much traffic: every value arrives once, whatever the forms, the capacity and the number of those who take part.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::chan_status;
using thrum::fiber;
using thrum::spawn;

class chan_traffic : public test::on_processors {};

void join(std::vector<fiber<void>>& all) {
  for (auto& f : all) f.join();
}

} // namespace

TEST_P(chan_traffic, four_senders_and_four_receivers_lose_nothing_at_any_capacity) {
  run([] {
    constexpr std::size_t lanes = 4;
    const std::size_t each = times(100);
    for (std::size_t capacity = 0; capacity < 200; capacity += times(5) == 5 ? 1 : 23) {
      const chan<std::size_t> c(capacity);
      std::vector<fiber<void>> senders;
      std::vector<fiber<std::vector<int>>> receivers;
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        senders.push_back(spawn([=] {
          for (std::size_t i = 0; i < each; ++i) c.send(i);
        }));
        receivers.push_back(spawn([=] {
          std::vector<int> seen(each);
          for (std::size_t i = 0; i < each; ++i) ++seen.at(c.recv().value());
          return seen;
        }));
      }
      join(senders);
      std::vector<int> total(each);
      for (auto& r : receivers) {
        const std::vector<int> seen = r.join();
        for (std::size_t i = 0; i < each; ++i) total[i] += seen[i];
      }
      EXPECT_EQ(total, std::vector<int>(each, lanes)) << "capacity " << capacity;
      EXPECT_EQ(c.size(), 0u);
    }
  });
}

namespace {

struct sending_form {
  const char* name;
  bool ever_waits; // two who never wait do not meet on a rendezvous
  void (*run)(const chan<int>&, int);
};
struct receiving_form {
  const char* name;
  bool ever_waits;
  std::optional<int> (*run)(const chan<int>&); // an empty result is the end of the channel
};

constexpr sending_form sending_forms[] = {
    {"send", true, [](const chan<int>& c, int v) { c.send(v); }},
    {"try_send", false,
     [](const chan<int>& c, int v) { test::until([&] { return c.try_send(v) == chan_status::ok; }); }},
    {"send_for", true,
     [](const chan<int>& c, int v) {
       while (c.send_for(v, 10us) != chan_status::ok) {}
     }},
    {"select", true, [](const chan<int>& c, int v) { thrum::select(thrum::send(c, v)); }},
    {"select of several", true,
     [](const chan<int>& c, int v) {
       thrum::select(thrum::recv(chan<int>()), thrum::send(c, v), thrum::after(1h));
     }},
    {"select with otherwise", false,
     [](const chan<int>& c, int v) {
       test::until([&] { return thrum::select(thrum::send(c, v), thrum::otherwise()) == 0; });
     }},
    {"selector", true,
     [](const chan<int>& c, int v) {
       thrum::selector any;
       any.add(thrum::send(chan<int>(nullptr), v));
       any.add(thrum::send(c, v));
       any.wait();
     }},
};

constexpr receiving_form receiving_forms[] = {
    {"recv", true, [](const chan<int>& c) { return c.recv(); }},
    {"try_recv", false,
     [](const chan<int>& c) {
       for (;; thrum::this_fiber::yield()) {
         const auto got = c.try_recv();
         if (got) return std::optional<int>(*got);
         if (got.error() == chan_status::closed) return std::optional<int>();
       }
     }},
    {"recv_for", true,
     [](const chan<int>& c) {
       for (;;) {
         const auto got = c.recv_for(10us);
         if (got) return std::optional<int>(*got);
         if (got.error() == chan_status::closed) return std::optional<int>();
       }
     }},
    {"select", true,
     [](const chan<int>& c) {
       std::optional<int> got;
       thrum::select(thrum::recv(c, got));
       return got;
     }},
    {"select of several", true,
     [](const chan<int>& c) {
       std::optional<int> got;
       thrum::select(thrum::send(chan<int>(), 0), thrum::recv(c, got), thrum::after(1h));
       return got;
     }},
    {"select with otherwise", false,
     [](const chan<int>& c) {
       std::optional<int> got;
       test::until([&] { return thrum::select(thrum::recv(c, got), thrum::otherwise()) == 0; });
       return got;
     }},
    {"selector", true,
     [](const chan<int>& c) {
       std::optional<int> got;
       thrum::selector any;
       any.add(thrum::recv(c, got));
       any.add(thrum::recv(c, got));
       any.wait();
       return got;
     }},
};

} // namespace

// Go's ken/chan.go asks for all mixes, too.
TEST_P(chan_traffic, every_form_of_send_meets_every_form_of_receive) {
  run([] {
    const int n = static_cast<int>(times(60));
    for (const std::size_t capacity : {0u, 1u, 10u})
      for (const sending_form& send : sending_forms)
        for (const receiving_form& receive : receiving_forms) {
          if (capacity == 0 && !send.ever_waits && !receive.ever_waits) continue;
          const chan<int> c(capacity);
          std::vector<fiber<void>> senders;
          for (int s = 0; s < 2; ++s)
            senders.push_back(spawn([=] {
              for (int i = 0; i < n; ++i) send.run(c, i);
            }));
          std::vector<fiber<long>> receivers;
          for (int r = 0; r < 2; ++r)
            receivers.push_back(spawn([=] {
              long sum = 0;
              while (const auto got = receive.run(c)) sum += *got + 1;
              return sum;
            }));
          join(senders);
          c.close();
          long sum = 0;
          for (auto& r : receivers) sum += r.join();
          EXPECT_EQ(sum, long{n} * (n + 1))
              << "capacity " << capacity << ", " << send.name << " to " << receive.name;
        }
  });
}

// Every form at once on the same channel.
TEST_P(chan_traffic, all_forms_share_one_channel) {
  run([] {
    const int n = static_cast<int>(times(300));
    for (const std::size_t capacity : {0u, 1u, 3u}) {
      const chan<int> c(capacity);
      std::vector<fiber<void>> senders;
      for (const sending_form& send : sending_forms)
        senders.push_back(spawn([=] {
          for (int i = 0; i < n; ++i) send.run(c, i);
        }));
      std::vector<fiber<long>> receivers;
      for (const receiving_form& receive : receiving_forms)
        receivers.push_back(spawn([=] {
          long sum = 0;
          while (const auto got = receive.run(c)) sum += *got + 1;
          return sum;
        }));
      join(senders);
      c.close();
      long sum = 0;
      for (auto& r : receivers) sum += r.join();
      EXPECT_EQ(sum, static_cast<long>(std::size(sending_forms)) * n * (n + 1) / 2);
    }
  });
}

// Go's TestMultiConsumer: a pipeline whose ends close one another.
TEST_P(chan_traffic, many_workers_between_two_channels_pass_everything_on) {
  run([] {
    constexpr int workers = 23;
    const int items = static_cast<int>(times(20'000));
    constexpr int primes[] = {2, 3, 7, 11, 13, 17, 19, 23, 27, 31};
    const chan<int> in(workers * 3);
    const chan<int> out(workers * 3);
    auto left = std::make_shared<std::atomic<int>>(workers);
    for (int w = 0; w < workers; ++w)
      thrum::go([=] {
        for (const int v : in) {
          if (primes[w % 10] % 3 == v % 3) thrum::this_fiber::yield();
          out.send(v);
        }
        if (--*left == 0) out.close();
      });
    auto feeding = spawn([=] {
      long sum = 0;
      for (int i = 0; i < items; ++i) {
        sum += primes[i % 10];
        in.send(primes[i % 10]);
      }
      in.close();
      return sum;
    });
    long sum = 0;
    int count = 0;
    for (const int v : out) {
      sum += v;
      ++count;
    }
    EXPECT_EQ(count, items);
    EXPECT_EQ(sum, feeding.join());
  });
}

// Go's TestNonblockRecvRace: the channel holds a value or is closed at every moment, so "nothing there" is never true.
TEST_P(chan_traffic, try_recv_never_misses_what_is_always_there) {
  run([] {
    const std::size_t n = times(3000);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const chan<int> c(1);
      c.send(1);
      auto trying = spawn([c] {
        const auto got = c.try_recv();
        return got || got.error() == chan_status::closed;
      });
      c.close();
      static_cast<void>(c.recv());
      wrong += trying.join() ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0u);
  });
}

TEST_P(chan_traffic, try_send_never_misses_room_that_is_always_there) {
  run([] {
    const chan<int> c(1); // one sender, so it has room from the receive on
    const chan<int> received;
    const std::size_t n = times(3000);
    auto receiving = spawn([=] {
      for (std::size_t i = 0; i < n; ++i) {
        static_cast<void>(c.recv());
        received.send(1);
      }
    });
    std::size_t refused = 0;
    for (std::size_t i = 0; i < n; ++i) {
      int v = 1;
      if (c.try_send(v) != chan_status::ok) {
        ++refused;
        c.send(v);
      }
      static_cast<void>(received.recv());
    }
    EXPECT_EQ(refused, 0u);
    receiving.join();
  });
}

TEST_P(chan_traffic, a_chain_of_ten_thousand_fibers_passes_a_value_through) {
  run([] {
    const int n = static_cast<int>(times(10'000));
    const chan<int> last;
    chan<int> left = last;
    for (int i = 0; i < n; ++i) {
      const chan<int> right;
      thrum::go([=] { left.send(1 + right.recv().value()); });
      left = right;
    }
    left.send(1);
    EXPECT_EQ(last.recv(), n + 1);
  });
}

namespace {

chan<int> numbers_from_two() {
  chan<int> c;
  thrum::go([c] {
    for (int i = 2;; ++i) c.send(i);
  });
  return c;
}

chan<int> without_multiples(const chan<int>& in, int prime) {
  chan<int> out;
  thrum::go([=] {
    for (const int v : in)
      if (v % prime != 0) out.send(v);
  });
  return out;
}

} // namespace

// Leaves every fiber of the sieve parked; the end of the runtime stops them.
TEST_P(chan_traffic, the_prime_sieve_yields_primes) {
  constexpr int primes[] = {2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                            47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103, 107,
                            109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173};
  run([&] {
    chan<int> in = numbers_from_two();
    for (const int expected : primes) {
      const int prime = in.recv().value();
      EXPECT_EQ(prime, expected);
      in = without_multiples(in, prime);
    }
  });
}

TEST_P(chan_traffic, an_unbounded_channel_takes_what_it_is_given_while_nobody_receives) {
  run([] {
    const std::size_t n = times(100'000);
    const auto c = chan<std::size_t>::unbounded();
    std::vector<fiber<void>> senders;
    for (int s = 0; s < 4; ++s)
      senders.push_back(spawn([=] {
        for (std::size_t i = 0; i < n; ++i) {
          std::size_t v = i;
          EXPECT_EQ(c.try_send(v), chan_status::ok);
        }
      }));
    join(senders);
    EXPECT_EQ(c.size(), 4 * n);
    c.close();
    std::size_t sum = 0;
    for (const std::size_t v : c) sum += v;
    EXPECT_EQ(sum, 4 * (n * (n - 1) / 2));
  });
}

// A new channel for each value: making and unmaking them is traffic, too.
TEST_P(chan_traffic, short_lived_channels_are_made_and_dropped_on_all_processors) {
  run([] {
    const int n = static_cast<int>(times(1000));
    const chan<chan<int>> desks(4);
    std::vector<fiber<void>> clients;
    for (int k = 0; k < 8; ++k)
      clients.push_back(spawn([=] {
        for (int i = 0; i < n; ++i) {
          const chan<int> desk(static_cast<std::size_t>(i % 2));
          desks.send(desk);
          EXPECT_EQ(desk.recv(), 7);
        }
      }));
    std::vector<fiber<void>> servers;
    for (int k = 0; k < 4; ++k)
      servers.push_back(spawn([=] {
        for (const auto& desk : desks) desk.send(7);
      }));
    join(clients);
    desks.close();
    join(servers);
  });
}

THRUM_ON_PROCESSORS(chan_traffic);
