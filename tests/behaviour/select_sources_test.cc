// Sources other than channels: times, the end of a fiber, a stop request; and every kind of case together with every other.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/thrum.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::times;
using thrum::chan;
using thrum::spawn;

class select_sources : public test::on_processors {};

chan<int> closed() {
  const chan<int> c;
  c.close();
  return c;
}

// Everything that a case may need, in every state, for the matrix.
struct world {
  chan<int> empty;
  chan<int> nil{nullptr};
  chan<int> full{1};
  chan<int> filled{64};
  chan<int> roomy{64};
  chan<int> over = closed();
  thrum::fiber<void> ended_fiber = spawn([] {});
  thrum::counting_semaphore<> permits{1'000'000};
  thrum::binary_semaphore no_permit{0};
  thrum::mutex free;
  thrum::mutex held;
  chan<int> hold;
  std::atomic<bool> holds{false};
  thrum::fiber<void> running = spawn([this, until = hold] {
    const std::lock_guard mine(held);
    holds = true;
    static_cast<void>(until.recv());
  });

  world() {
    full.send(0);
    for (int i = 0; i < 32; ++i) filled.send(i);
    test::until([&] { return ended_fiber.ended() && holds; });
  }
  ~world() {
    hold.close();
    running.join();
    ended_fiber.join();
  }
};

enum class when { ready, later, never };

struct kind {
  const char* name;
  when is;
  std::size_t (*add)(thrum::selector&, world&);
};

constexpr int one = 1; // an lvalue: a selector keeps a copy of it, but only the address of an rvalue

constexpr kind kinds[] = {
    {"recv, filled", when::ready, [](thrum::selector& s, world& w) { return s.add(thrum::recv(w.filled)); }},
    {"recv, closed", when::ready, [](thrum::selector& s, world& w) { return s.add(thrum::recv(w.over)); }},
    {"recv, empty", when::never, [](thrum::selector& s, world& w) { return s.add(thrum::recv(w.empty)); }},
    {"recv, nil", when::never, [](thrum::selector& s, world& w) { return s.add(thrum::recv(w.nil)); }},
    {"send, room", when::ready,
     [](thrum::selector& s, world& w) { return s.add(thrum::send(w.roomy, one)); }},
    {"send, full", when::never, [](thrum::selector& s, world& w) { return s.add(thrum::send(w.full, one)); }},
    {"send, nil", when::never, [](thrum::selector& s, world& w) { return s.add(thrum::send(w.nil, one)); }},
    {"send, rendezvous", when::never,
     [](thrum::selector& s, world& w) { return s.add(thrum::send(w.empty, one)); }},
    {"acquire, some", when::ready,
     [](thrum::selector& s, world& w) { return s.add(thrum::acquire(w.permits)); }},
    {"acquire, none", when::never,
     [](thrum::selector& s, world& w) { return s.add(thrum::acquire(w.no_permit)); }},
    {"lock, free", when::ready, [](thrum::selector& s, world& w) { return s.add(thrum::lock(w.free)); }},
    {"lock, held", when::never, [](thrum::selector& s, world& w) { return s.add(thrum::lock(w.held)); }},
    {"ended, yes", when::ready,
     [](thrum::selector& s, world& w) { return s.add(thrum::ended(w.ended_fiber)); }},
    {"ended, no", when::never, [](thrum::selector& s, world& w) { return s.add(thrum::ended(w.running)); }},
    {"stopped, no", when::never, [](thrum::selector& s, world&) { return s.add(thrum::stopped()); }},
    {"after, soon", when::later, [](thrum::selector& s, world&) { return s.add(thrum::after(50us)); }},
    {"after, never", when::never, [](thrum::selector& s, world&) { return s.add(thrum::after(24h)); }},
    {"at, never", when::never,
     [](thrum::selector& s, world&) { return s.add(thrum::at(steady_clock::now() + 24h)); }},
};

} // namespace

// What is ready goes before what will be, and that before what never is, whatever stands beside it.
TEST_P(select_sources, every_kind_of_case_works_beside_every_other) {
  run([] {
    world w;
    for (const kind& first : kinds)
      for (const kind& second : kinds)
        for (const bool may_wait : {true, false}) {
          thrum::selector any;
          first.add(any, w);
          second.add(any, w);
          const when best = std::min(first.is, second.is);
          if (!may_wait) any.add(thrum::otherwise());
          if (may_wait && best == when::never) {
            EXPECT_EQ(test::how_it_ends(
                          [&] {
                            // `stopped` is a case here, so the stop request that ends the trial chooses it.
                            const std::size_t chosen = any.wait();
                            const char* name = chosen == 0 ? first.name : second.name;
                            EXPECT_STREQ(name, "stopped, no");
                            throw thrum::cancelled(thrum::cancel_reason::user);
                          },
                          true),
                      test::ends::after_waiting)
                << first.name << " and " << second.name;
            continue;
          }
          const std::size_t chosen = any.wait();
          if (!may_wait && best != when::ready) {
            EXPECT_EQ(chosen, 2u) << first.name << " and " << second.name;
            continue;
          }
          ASSERT_LT(chosen, 2u);
          const kind& done = chosen == 0 ? first : second;
          EXPECT_TRUE(done.is == best) << first.name << " and " << second.name;
          if (done.name == std::string_view("lock, free")) w.free.unlock();
          if (w.filled.size() == 0) w.filled.send(1);
          while (w.roomy.size() > 32) static_cast<void>(w.roomy.recv());
        }
    // Nobody was left in a queue.
    int v = 1;
    EXPECT_EQ(w.empty.try_send(v), thrum::chan_status::would_block);
    EXPECT_EQ(w.empty.try_recv().error(), thrum::chan_status::would_block);
    EXPECT_EQ(w.full.recv(), 0);
    EXPECT_EQ(w.full.size(), 0u);
    w.no_permit.release();
    EXPECT_TRUE(w.no_permit.try_acquire());
    EXPECT_FALSE(w.no_permit.try_acquire());
  });
}

TEST_P(select_sources, the_earliest_of_several_times_counts) {
  run([] {
    const chan<int> never;
    EXPECT_EQ(thrum::select(thrum::after(1h), thrum::after(200us), thrum::recv(never), thrum::after(2h)), 1u);
    EXPECT_EQ(thrum::select(thrum::at(steady_clock::now() + 1h), thrum::recv(never), thrum::after(100us)),
              2u);
    EXPECT_EQ(thrum::select(thrum::after(1h), thrum::at(steady_clock::now() + 100us)), 1u);
    EXPECT_EQ(thrum::select(thrum::after(0s)), 0u);
    EXPECT_EQ(thrum::select(thrum::after(-5s), thrum::recv(never)), 0u);
    EXPECT_EQ(thrum::select(thrum::at(steady_clock::now() - 1s), thrum::recv(never)), 0u);
    EXPECT_EQ(thrum::select_ordered(thrum::after(-1s), thrum::recv(closed())), 1u)
        << "what is ready needs no time";
  });
}

TEST_P(select_sources, a_source_that_is_always_ready_does_not_hide_a_deadline_that_has_passed) {
  run([] {
    const chan<int> busy = closed();
    const auto deadline = steady_clock::now() + 2ms;
    while (thrum::select(thrum::recv(busy), thrum::at(deadline)) == 0) {}
    EXPECT_GE(steady_clock::now(), deadline);
    // Without waiting: the order says who goes first.
    EXPECT_EQ(thrum::select_ordered(thrum::recv(busy), thrum::at(deadline)), 0u);
    EXPECT_EQ(thrum::select_ordered(thrum::at(deadline), thrum::recv(busy)), 0u);
  });
}

TEST_P(select_sources, a_mutex_that_was_chosen_is_held_and_the_others_are_not) {
  run([] {
    thrum::mutex a, b;
    const chan<int> never;
    EXPECT_EQ(thrum::select(thrum::lock(a), thrum::recv(never)), 0u);
    EXPECT_FALSE(spawn([&] { return a.try_lock(); }).join());
    EXPECT_EQ(thrum::select_ordered(thrum::lock(b), thrum::otherwise()), 0u);
    a.unlock();
    auto waits = spawn([&] { // b is held: a is taken
      const std::size_t k = thrum::select(thrum::lock(b), thrum::lock(a));
      a.unlock();
      return k;
    });
    EXPECT_EQ(waits.join(), 1u);
    auto late = spawn([&] { return thrum::select(thrum::lock(b), thrum::after(200us)); });
    EXPECT_EQ(late.join(), 1u);
    auto looks = spawn([&] { return thrum::select(thrum::lock(b), thrum::otherwise()); });
    EXPECT_EQ(looks.join(), 1u);
    b.unlock();
    EXPECT_TRUE(b.try_lock()); // nobody who gave up was handed it
    b.unlock();
  });
}

// Who waits in a select is given the mutex: it is never free in between, although others come by.
TEST_P(select_sources, a_select_that_waits_for_a_mutex_gets_it_when_it_is_unlocked) {
  run([] {
    thrum::mutex m;
    const chan<int> never;
    std::atomic<bool> begun{false};
    m.lock();
    auto waits = spawn([&] {
      begun = true;
      const std::size_t k = thrum::select(thrum::recv(never), thrum::lock(m));
      const std::lock_guard hold(m, std::adopt_lock);
      return k;
    });
    test::until([&] { return begun.load(); });
    for (int i = 0; i < 3; ++i) thrum::this_fiber::yield();
    m.unlock();
    EXPECT_EQ(waits.join(), 1u);
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

TEST_P(select_sources, a_stop_request_ends_a_wait_for_a_mutex_and_leaves_it) {
  run([] {
    thrum::mutex m;
    m.lock();
    EXPECT_EQ(test::how_it_ends([&] { thrum::select(thrum::lock(m)); }, true), test::ends::after_waiting);
    EXPECT_EQ(test::how_it_ends([&] { thrum::select(thrum::lock(m)); }, false), test::ends::after_waiting);
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  });
}

// Fibers and a thread, some of which lock, try, give up, or select; whoever is in is alone.
TEST_P(select_sources, those_who_select_a_mutex_and_those_who_lock_it_exclude_each_other) {
  const auto round = [](thrum::mutex* two, long* sums, std::size_t i) {
    std::size_t k = i % 2;
    switch (i % 5) {
    case 0: k = thrum::select(thrum::lock(two[0]), thrum::lock(two[1])); break;
    case 1: two[k].lock(); break;
    case 2:
      if (thrum::select(thrum::lock(two[k]), thrum::after(20us)) != 0) return false;
      break;
    case 3:
      if (thrum::select(thrum::lock(two[k]), thrum::otherwise()) != 0) return false;
      break;
    case 4:
      if (!two[k].try_lock_for(20us)) return false;
    }
    ++sums[k];
    if (i % 7 == 0) thrum::this_fiber::yield();
    two[k].unlock();
    return true;
  };
  run([&] {
    thrum::mutex two[2];
    long sums[2] = {0, 0};
    std::atomic<long> done{0};
    std::vector<thrum::fiber<void>> all;
    for (std::size_t f = 0; f < 8; ++f)
      all.push_back(spawn([&, f] {
        for (std::size_t i = 0; i < times(1'000); ++i)
          if (round(two, sums, i + f)) ++done;
      }));
    std::thread thread([&] {
      for (std::size_t i = 0; i < times(500); ++i)
        if (round(two, sums, i)) ++done;
    });
    for (auto& f : all) f.join();
    thrum::blocking([&] { thread.join(); });
    EXPECT_EQ(sums[0] + sums[1], done);
  });
}

TEST_P(select_sources, the_end_of_a_fiber_is_an_event_like_any_other) {
  run([] {
    const chan<int> go_on;
    auto first = spawn([=] { return go_on.recv().value(); });
    auto second = spawn([=] { return go_on.recv().value(); });
    EXPECT_EQ(thrum::select(thrum::ended(first), thrum::ended(second), thrum::otherwise()), 2u);
    go_on.send(1);
    const std::size_t k = thrum::select(thrum::ended(first), thrum::ended(second));
    thrum::fiber<int>& winner = k == 0 ? first : second;
    thrum::fiber<int>& loser = k == 0 ? second : first;
    EXPECT_TRUE(winner.ended());
    EXPECT_EQ(winner.join(), 1);
    EXPECT_EQ(thrum::select(thrum::ended(loser), thrum::after(100us)), 1u);
    EXPECT_EQ(thrum::select(thrum::ended(winner), thrum::ended(thrum::fiber<void>()), thrum::otherwise()), 2u)
        << "a handle that refers to no fiber is never ready";
    go_on.send(2);
    EXPECT_EQ(thrum::select(thrum::ended(loser), thrum::ended(loser)) & ~std::size_t{1}, 0u);
    EXPECT_EQ(loser.join(), 2);
  });
}

TEST_P(select_sources, many_wait_for_the_end_of_one_fiber) {
  run([] {
    const chan<int> hold;
    auto watched = spawn([=] { static_cast<void>(hold.recv()); });
    std::vector<thrum::fiber<std::size_t>> watchers;
    for (int i = 0; i < 50; ++i)
      watchers.push_back(spawn(
          [&] { return thrum::select(thrum::recv(chan<int>()), thrum::ended(watched), thrum::after(1h)); }));
    thrum::this_fiber::yield();
    hold.close();
    for (auto& w : watchers) EXPECT_EQ(w.join(), 1u);
    watched.join();
  });
}

// The handle may go as soon as select says that the fiber has ended.
TEST_P(select_sources, a_handle_may_be_destroyed_right_after_its_end_was_seen) {
  run([] {
    const std::size_t n = times(5000);
    for (std::size_t i = 0; i < n; ++i) {
      auto f = std::make_unique<thrum::fiber<std::string>>(spawn([] { return std::string(100, 'x'); }));
      const chan<int> never;
      if (i % 2 == 0) thrum::this_fiber::yield();
      if (i % 3 == 0) {
        EXPECT_EQ(thrum::select(thrum::recv(never), thrum::ended(*f)), 1u);
      } else {
        test::until([&] { return f->ended(); });
      }
      if (i % 5 == 0) { EXPECT_EQ(f->join().size(), 100u); }
      f.reset();
    }
  });
}

TEST_P(select_sources, stopped_turns_a_stop_request_into_a_case) {
  run([] {
    std::atomic<bool> begun{false};
    auto f = spawn([&] {
      begun = true;
      const chan<int> never;
      EXPECT_EQ(thrum::select(thrum::recv(never), thrum::stopped(), thrum::after(1h)), 1u);
      EXPECT_TRUE(thrum::this_fiber::stop_requested());
      EXPECT_EQ(thrum::select(thrum::recv(closed()), thrum::stopped()), 1u) << "before anything else";
      EXPECT_EQ(thrum::select(thrum::otherwise(), thrum::stopped()), 1u);
      EXPECT_EQ(thrum::select(thrum::recv(closed())), 0u) << "what need not wait is done";
      EXPECT_THROW(thrum::select(thrum::recv(never)), thrum::cancelled);
      EXPECT_EQ(thrum::select(thrum::recv(never), thrum::otherwise()), 1u);
      return 7;
    });
    test::until([&] { return begun.load(); });
    thrum::this_fiber::yield();
    EXPECT_TRUE(f.request_stop());
    EXPECT_EQ(f.join(), 7);
    EXPECT_EQ(thrum::select(thrum::stopped(), thrum::otherwise()), 1u);
  });
}

TEST_P(select_sources, plain_threads_may_wait_for_all_of_them) {
  const chan<int> c;
  auto f = thrum::runtime::current().spawn([c] { c.send(1); });
  std::thread([&] {
    EXPECT_EQ(thrum::select(thrum::recv(chan<int>()), thrum::after(300us)), 1u);
    EXPECT_EQ(thrum::select(thrum::stopped(), thrum::otherwise()), 1u) << "nobody stops a thread";
    std::optional<int> got;
    EXPECT_EQ(thrum::select(thrum::stopped(), thrum::recv(c, got)), 1u);
    EXPECT_EQ(thrum::select(thrum::ended(f), thrum::recv(chan<int>())), 0u);
  }).join();
  f.join();
}

TEST_P(select_sources, times_of_many_fibers_pass_in_their_order_and_none_is_lost) {
  run([] {
    const std::size_t n = times(3000);
    std::vector<thrum::fiber<void>> all;
    for (std::size_t i = 0; i < n; ++i)
      all.push_back(spawn([=] {
        const chan<int> never;
        const auto deadline = steady_clock::now() + std::chrono::microseconds(i * 31 % 4000);
        EXPECT_EQ(thrum::select(thrum::recv(never), thrum::at(deadline)), 1u);
        EXPECT_GE(steady_clock::now(), deadline);
      }));
    for (auto& f : all) f.join();
  });
}

THRUM_ON_PROCESSORS(select_sources);
