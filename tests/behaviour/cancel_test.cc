// Every wait, asked to stop in every way: what it waits for is delivered or
// stays where it is, and both happen.
//
// A cell of the matrix is an operation that waits and a way to ask. Each
// operation hands one token over. In each trial a fiber takes it, somebody
// gives it and somebody asks, in an order that the trial's number decides; then
// it was taken and is gone, or it was not and can be taken again. (If it were
// lost, that would wait for ever, and be reported.)
#include "support/on_processors.h"
#include "support/scale.h"

#include <thrum/future.h>
#include <thrum/limit.h>
#include <thrum/net/tcp.h>
#include <thrum/operation.h>
#include <thrum/rcu.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::cancelled;
using thrum::chan;
using thrum::chan_status;
using thrum::spawn;
using thrum::this_fiber::yield;

class cancelling : public test::on_processors {};

struct operation {
  virtual ~operation() = default;
  virtual void take() = 0; // throws `cancelled`
  virtual void give() = 0; // does not wait for who takes
  // Behind all that:
  virtual void take_again() = 0;  // it was not taken
  virtual void expect_gone() = 0; // it was
};
using maker = std::function<std::unique_ptr<operation>()>;

// ---- channels

template <class Take> struct receiving final : operation {
  receiving(std::size_t capacity, Take t) : c(capacity), how(t) {}
  void take() override { how(c); }
  void give() override {
    sender = spawn([this] { c.send(1); }); // of an unbuffered one, it waits
  }
  void take_again() override {
    EXPECT_EQ(c.recv(), 1);
    sender.join();
  }
  void expect_gone() override {
    sender.join();
    EXPECT_FALSE(c.try_recv().has_value());
  }
  chan<int> c;
  Take how;
  thrum::fiber<> sender;
};
template <class Take> maker receive(std::size_t capacity, Take t) {
  return [=] { return std::make_unique<receiving<Take>>(capacity, t); };
}

// The token is the room for one more.
template <class Take> struct sending final : operation {
  explicit sending(Take t) : how(t) { c.send(1); }
  void take() override { how(c); }
  void give() override { EXPECT_EQ(c.recv(), 1); }
  void take_again() override { c.send(2); }
  void expect_gone() override { EXPECT_EQ(c.recv(), 1); }
  chan<int> c = chan<int>(1);
  Take how;
};
template <class Take> maker send(Take t) {
  return [=] { return std::make_unique<sending<Take>>(t); };
}

// ---- counts

template <class Take> struct acquiring final : operation {
  explicit acquiring(Take t) : how(t) {}
  void take() override { how(s); }
  void give() override { s.release(); }
  void take_again() override { s.acquire(); }
  void expect_gone() override { EXPECT_FALSE(s.try_acquire()); }
  thrum::counting_semaphore<> s{0};
  Take how;
};
template <class Take> maker acquire(Take t) {
  return [=] { return std::make_unique<acquiring<Take>>(t); };
}

struct taking_a_place final : operation {
  taking_a_place() { limit.acquire(); }
  void take() override { limit.acquire(); }
  void give() override { limit.release(); }
  void take_again() override { limit.acquire(); }
  void expect_gone() override { EXPECT_EQ(limit.active(), 1u); }
  thrum::concurrency_limit limit{1};
};

// ---- what stays for everybody, or for who comes again

template <class State, class Take, class Give, class Again> struct seeing final : operation {
  seeing(Take t, Give g, Again a) : how(t), giving(g), again(a) {}
  void take() override { how(state); }
  void give() override { giving(state); }
  void take_again() override { again(state); }
  void expect_gone() override {}
  State state;
  Take how;
  Give giving;
  Again again;
};
template <class State, class Take, class Give, class Again> maker see(Take t, Give g, Again a) {
  return [=] { return std::make_unique<seeing<State, Take, Give, Again>>(t, g, a); };
}

struct one_atomic {
  thrum::atomic<int> a{0};
};
struct one_latch {
  thrum::latch l{1};
};
struct one_group {
  one_group() { g.add(1); }
  thrum::wait_group g;
};
struct flag_and_condition {
  thrum::mutex m;
  thrum::condition_variable changed;
  bool flag = false;
  void wait(bool with_deadline) {
    std::unique_lock hold(m);
    if (with_deadline)
      EXPECT_TRUE(changed.wait_for(hold, 24h, [this] { return flag; }));
    else
      changed.wait(hold, [this] { return flag; });
    EXPECT_TRUE(hold.owns_lock());
  }
  void set() {
    {
      const std::lock_guard hold(m);
      flag = true;
    }
    changed.notify_one();
  }
};
struct one_region {
  one_region() { thrum::rcu_retire(new int, {}, d); }
  thrum::rcu_domain d;
  thrum::rcu_region region{d};
};
struct one_fiber {
  chan<int> end = chan<int>(1);
  thrum::fiber<int> f = spawn([e = end] { return thrum::shield([&] { return e.recv().value(); }); });
};
struct one_future {
  thrum::promise<int> p;
  thrum::future<int> f = p.get_future();
};
// A task that was asked for its group's sake may have received before.
struct tasks_channel {
  void take() {
    thrum::task_group<> group;
    auto task = group.spawn([this] { received = c.recv() == 1; });
    group.join();
    EXPECT_TRUE(task.succeeded());
  }
  void take_again() {
    if (!received) { EXPECT_EQ(c.recv(), 1); }
  }
  chan<int> c = chan<int>(1);
  bool received = false;
};

// ---- sockets

struct connected_pair {
  connected_pair() {
    namespace net = thrum::net;
    const auto listener = net::tcp_listener::listen(net::endpoint::parse("127.0.0.1:0").value()).value();
    other = net::tcp_stream::connect(listener.local_address().value()).value();
    here = listener.accept().value();
  }
  thrum::net::tcp_stream here, other;
};

const std::vector<std::pair<std::string, maker>>& operations() {
  static const std::vector<std::pair<std::string, maker>> all = {
      {"recv, unbuffered", receive(0, [](chan<int>& c) { EXPECT_EQ(c.recv(), 1); })},
      {"recv, buffered", receive(1, [](chan<int>& c) { EXPECT_EQ(c.recv(), 1); })},
      {"recv, of many", receive(8, [](chan<int>& c) { EXPECT_EQ(c.recv(), 1); })},
      {"recv_for", receive(0, [](chan<int>& c) { EXPECT_TRUE(c.recv_for(24h).has_value()); })},
      {"range-for", receive(1,
                            [](chan<int>& c) {
                              for (const int n : c) {
                                EXPECT_EQ(n, 1);
                                break;
                              }
                            })},
      {"select", receive(0,
                         [](chan<int>& c) {
                           chan<int> never;
                           std::optional<int> got;
                           EXPECT_EQ(thrum::select(thrum::recv(c, got), thrum::recv(never)), 0u);
                           EXPECT_EQ(got, 1);
                         })},
      {"select with a time", receive(1,
                                     [](chan<int>& c) {
                                       std::optional<int> got;
                                       EXPECT_EQ(thrum::select(thrum::recv(c, got), thrum::after(24h)), 0u);
                                     })},
      {"await of async_recv", receive(0, [](chan<int>& c) { EXPECT_EQ(thrum::await(c.async_recv()), 1); })},
      {"co_await of async_recv", receive(1,
                                         [](chan<int>& c) {
                                           auto body = [](chan<int> from) -> thrum::task<int> {
                                             co_return (co_await from.async_recv()).value();
                                           };
                                           EXPECT_EQ(thrum::await(body(c)), 1);
                                         })},
      {"send", send([](chan<int>& c) { c.send(1); })},
      {"send_for", send([](chan<int>& c) {
         int v = 1;
         EXPECT_EQ(c.send_for(v, 24h), chan_status::ok);
       })},
      {"select of a send", send([](chan<int>& c) {
         chan<int> never;
         EXPECT_EQ(thrum::select(thrum::send(c, 1), thrum::recv(never)), 0u);
       })},
      {"acquire", acquire([](auto& s) { s.acquire(); })},
      {"try_acquire_for", acquire([](auto& s) { EXPECT_TRUE(s.try_acquire_for(24h)); })},
      {"select of an acquire", acquire([](auto& s) {
         chan<int> never;
         EXPECT_EQ(thrum::select(thrum::recv(never), thrum::acquire(s)), 1u);
       })},
      {"select of two acquires", acquire([](auto& s) {
         thrum::binary_semaphore never(0);
         EXPECT_EQ(thrum::select(thrum::acquire(s), thrum::acquire(never)), 0u);
       })},
      {"await of async_acquire", acquire([](auto& s) { thrum::await(s.async_acquire()); })},
      {"co_await of async_acquire", acquire([](auto& s) {
         auto body = [](thrum::counting_semaphore<>& from) -> thrum::task<> {
           co_await from.async_acquire();
         };
         thrum::await(body(s));
       })},
      {"co_await of a select of an acquire", acquire([](auto& s) {
         auto body = [](thrum::counting_semaphore<>& from) -> thrum::task<std::size_t> {
           const chan<int> never;
           co_return co_await thrum::async_select(thrum::acquire(from), thrum::recv(never));
         };
         EXPECT_EQ(thrum::await(body(s)), 0u);
       })},
      {"acquire of a limit", [] { return std::make_unique<taking_a_place>(); }},
      {"latch", see<one_latch>([](auto& s) { s.l.wait(); }, [](auto& s) { s.l.count_down(); },
                               [](auto& s) { s.l.wait(); })},
      {"wait_group",
       see<one_group>([](auto& s) { s.g.wait(); }, [](auto& s) { s.g.done(); }, [](auto& s) { s.g.wait(); })},
      {"wait_group, wait_for", see<one_group>([](auto& s) { EXPECT_TRUE(s.g.wait_for(24h)); },
                                              [](auto& s) { s.g.done(); }, [](auto& s) { s.g.wait(); })},
      {"condition_variable", see<flag_and_condition>([](auto& s) { s.wait(false); }, [](auto& s) { s.set(); },
                                                     [](auto& s) { s.wait(false); })},
      {"condition_variable, wait_for",
       see<flag_and_condition>([](auto& s) { s.wait(true); }, [](auto& s) { s.set(); },
                               [](auto& s) { s.wait(true); })},
      {"join", see<one_fiber>([](auto& s) { EXPECT_EQ(s.f.join(), 1); }, [](auto& s) { s.end.send(1); },
                              [](auto& s) { EXPECT_EQ(s.f.join(), 1); })},
      {"wait_for of a fiber",
       see<one_fiber>([](auto& s) { EXPECT_TRUE(s.f.wait_for(24h)); }, [](auto& s) { s.end.send(1); },
                      [](auto& s) { EXPECT_EQ(s.f.join(), 1); })},
      {"wait of an atomic", see<one_atomic>([](auto& s) { s.a.wait(0); },
                                            [](auto& s) {
                                              s.a.store(1);
                                              s.a.notify_one();
                                            },
                                            [](auto& s) { s.a.wait(0); })},
      {"rcu_synchronize",
       see<one_region>([](auto& s) { thrum::rcu_synchronize(s.d); }, [](auto& s) { s.region.close(); },
                       [](auto& s) { thrum::rcu_synchronize(s.d); })},
      {"rcu_barrier",
       see<one_region>([](auto& s) { thrum::rcu_barrier(s.d); }, [](auto& s) { s.region.close(); },
                       [](auto& s) { thrum::rcu_barrier(s.d); })},
      {"get of a future",
       see<one_future>([](auto& s) { EXPECT_EQ(s.f.get(), 1); }, [](auto& s) { s.p.set_value(1); },
                       [](auto& s) { EXPECT_EQ(s.f.get(), 1); })},
      {"join of a task_group", see<tasks_channel>([](auto& s) { s.take(); }, [](auto& s) { s.c.send(1); },
                                                  [](auto& s) { s.take_again(); })},
      {"read of a socket", see<connected_pair>(
                               [](auto& s) {
                                 std::string b(1, ' ');
                                 EXPECT_EQ(s.here.read_some(b).value(), 1u);
                               },
                               [](auto& s) { EXPECT_EQ(s.other.write_some("x").value(), 1u); },
                               [](auto& s) {
                                 std::string b(1, ' ');
                                 EXPECT_EQ(s.here.read_some(b).value(), 1u);
                               })},
  };
  return all;
}

// ---- ways to ask

enum class asked_by { handle, deadline, token, sibling };

[[gnu::noinline]] std::stop_source new_source() { return {}; } // or g++ 12 warns of it, falsely

// True: the token was taken.
bool trial(operation& op, asked_by by, unsigned number) {
  std::stop_source source = new_source();
  chan<int> fails(1);
  auto taker = spawn([&] {
    bool taken = false;
    const auto take = [&] {
      op.take();
      taken = true; // also if what runs around it fails afterwards
    };
    try {
      switch (by) {
      case asked_by::handle: take(); break;
      case asked_by::deadline:
        thrum::with_timeout(std::chrono::microseconds(number % 3 == 0 ? 0 : number % 50), take);
        break;
      case asked_by::token: thrum::stop_on(source.get_token(), take); break;
      case asked_by::sibling:
        thrum::with_group([&](thrum::task_group<>& group) {
          auto failing = group.spawn([&] {
            if (fails.recv() == 1) throw std::runtime_error("asked");
          });
          take();
          failing.request_stop();
        });
        break;
      }
    } catch (const cancelled&) {
    } catch (const thrum::timed_out&) {
    } catch (const std::runtime_error&) {}
    return taken;
  });
  const auto ask = [&] {
    if (by == asked_by::handle) taker.request_stop();
    if (by == asked_by::token) source.request_stop();
    if (by == asked_by::sibling) fails.send(1);
  };
  const auto let_others_run = [](unsigned turns) {
    for (unsigned i = 0; i < turns; ++i) yield();
  };
  let_others_run(number % 5);
  if (number % 2 == 0) ask();
  let_others_run(number / 2 % 4);
  op.give();
  let_others_run(number / 2 % 4);
  if (number % 2 != 0) ask();
  return taker.join();
}

} // namespace

TEST_P(cancelling, each_wait_gets_what_it_waits_for_or_leaves_it) {
  run([] {
    for (const auto& [name, make] : operations())
      for (const asked_by by : {asked_by::handle, asked_by::deadline, asked_by::token, asked_by::sibling}) {
        unsigned taken = 0;
        unsigned left = 0;
        const auto least = static_cast<unsigned>(times(40));
        for (unsigned number = 0; number < least || ((taken == 0 || left == 0) && number < 1'000); ++number) {
          const auto op = make();
          if (trial(*op, by, number)) {
            ++taken;
            op->expect_gone();
          } else {
            ++left;
            op->take_again();
          }
        }
        EXPECT_NE(taken, 0u) << name << ", way " << static_cast<int>(by);
        EXPECT_NE(left, 0u) << name << ", way " << static_cast<int>(by);
      }
  });
}

THRUM_ON_PROCESSORS(cancelling);
