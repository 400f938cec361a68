// scoped.h: values that are bound for the time of a call and inherited by the fibers that are started in it.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/scoped.h>
#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::scoped;
using thrum::spawn;
using thrum::this_fiber::yield;

class scoped_values : public test::on_processors {};

scoped<int> level;
scoped<std::string> user;

std::atomic<int> alive{0};
struct counted {
  explicit counted(int n) : number(n) { ++alive; }
  counted(counted&& other) noexcept : number(other.number) { ++alive; }
  ~counted() { --alive; }
  int number;
};
scoped<counted> resource;

} // namespace

TEST_P(scoped_values, are_bound_during_a_call_and_hide_each_other) {
  run([] {
    EXPECT_FALSE(level.is_bound());
    EXPECT_EQ(level.find(), nullptr);
    EXPECT_EQ(level.get_or(3), 3);
    const int result = level.bind(1, [] {
      EXPECT_EQ(level.get(), 1);
      user.bind("alice", [] {
        level.bind(2, [] {
          EXPECT_EQ(*level, 2);
          EXPECT_EQ(user->size(), 5u);
          EXPECT_EQ(level.get_or(3), 2);
        });
        EXPECT_EQ(*level, 1);
      });
      EXPECT_FALSE(user.is_bound());
      return 7;
    });
    EXPECT_EQ(result, 7);
    EXPECT_FALSE(level.is_bound());
  });
}

TEST_P(scoped_values, are_unbound_when_an_exception_passes) {
  run([] {
    EXPECT_THROW(level.bind(1, [] { throw 5; }), int);
    EXPECT_FALSE(level.is_bound());
    EXPECT_EQ(alive, 0);
  });
}

TEST_P(scoped_values, a_binding_lasts_for_its_block) {
  run([] {
    {
      const scoped<int>::binding outer(level, 1);
      const scoped<int>::binding inner(level, *level + 1);
      EXPECT_EQ(*level, 2);
    }
    EXPECT_FALSE(level.is_bound());
  });
}

TEST_P(scoped_values, stay_with_their_fiber_across_waits) {
  run([] {
    std::vector<fiber<void>> all;
    const chan<int> meet;
    for (int i = 1; i <= 8; ++i)
      all.push_back(spawn([=] {
        level.bind(i, [=] {
          for (std::size_t k = 0; k < times(200); ++k) {
            if (i % 2 == 0)
              meet.send(i);
            else
              static_cast<void>(meet.recv());
            yield();
            EXPECT_EQ(*level, i);
          }
        });
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(scoped_values, are_inherited_by_every_way_to_start_a_fiber) {
  run([] {
    user.bind(std::string("alice"), [] {
      level.bind(4, [] {
        const auto check = [] {
          EXPECT_EQ(*level, 4);
          EXPECT_EQ(*user, "alice");
        };
        thrum::wait_group all;
        spawn(check).join();
        spawn({.name = "named"}, check).join();
        spawn([](const auto& f) { f(); }, check).join();
        all.go(check);
        all.add(2);
        thrum::go([&] {
          check();
          all.done();
        });
        thrum::runtime::current().go([&] {
          check();
          all.done();
        });
        all.wait();
        spawn([&] { spawn(check).join(); }).join(); // and by theirs
      });
    });
  });
}

TEST_P(scoped_values, a_fiber_keeps_what_was_bound_where_it_was_started) {
  run([] {
    const chan<int> go_on;
    std::vector<fiber<void>> all;
    for (int i = 0; i < 50; ++i)
      resource.bind(counted(i), [&] {
        all.push_back(spawn([=] {
          static_cast<void>(go_on.recv());
          EXPECT_EQ(resource->number, i);
          resource.bind(counted(-i), [&] { EXPECT_EQ(resource->number, -i); });
          EXPECT_EQ(resource->number, i);
        }));
      });
    EXPECT_FALSE(resource.is_bound());
    EXPECT_EQ(alive, 50) << "one for each fiber";
    for (int i = 0; i < 50; ++i) go_on.send(0);
    for (auto& f : all) f.join();
    EXPECT_EQ(alive, 0);
  });
}

TEST_P(scoped_values, die_when_the_last_fiber_lets_go) {
  run([] {
    const chan<int> go_on;
    fiber<void> last;
    resource.bind(counted(1), [&] {
      last = spawn([=] {
        spawn([] { EXPECT_EQ(resource->number, 1); }).join();
        static_cast<void>(go_on.recv());
      });
      for (int i = 0; i < 20; ++i) spawn([] { EXPECT_EQ(resource->number, 1); }).join();
    });
    EXPECT_EQ(alive, 1);
    go_on.send(1);
    last.join();
    EXPECT_EQ(alive, 0);
  });
}

TEST_P(scoped_values, many_fibers_let_go_of_one_at_the_same_time) {
  run([] {
    for (std::size_t round = 0; round < times(100); ++round) {
      {
        thrum::wait_group all;
        resource.bind(counted(1), [&] {
          for (int i = 0; i < 20; ++i)
            all.go([] {
              const scoped<int>::binding deeper(level, resource->number);
              thrum::go([] { EXPECT_EQ(*level, resource->number); });
            });
        });
      }
    }
  });
  EXPECT_EQ(alive, 0);
}

TEST_P(scoped_values, a_new_fiber_without_bindings_around_it_has_none) {
  run([] {
    level.bind(1, [] { spawn([] {}).join(); });
    for (int i = 0; i < 100; ++i) spawn([] { EXPECT_FALSE(level.is_bound()); }).join();
  });
}

TEST_P(scoped_values, functions_of_timers_begin_without_bindings) {
  run([] {
    level.bind(1, [] {
      const chan<bool> bound;
      const thrum::timer soon(1us, [=] { bound.send(level.is_bound()); });
      EXPECT_FALSE(bound.recv().value());
    });
  });
}

TEST_P(scoped_values, of_a_thread_are_inherited_by_what_it_runs) {
  level.bind(5, [] {
    EXPECT_EQ(*level, 5);
    run([] {
      EXPECT_EQ(*level, 5);
      std::thread([] { EXPECT_FALSE(level.is_bound()) << "threads inherit nothing"; }).join();
    });
    std::thread([] { level.bind(6, [] { EXPECT_EQ(*level, 6); }); }).join();
    EXPECT_EQ(*level, 5);
  });
  EXPECT_FALSE(level.is_bound());
}

TEST_P(scoped_values, one_that_follows_another_at_its_address_is_another) {
  run([] {
    alignas(scoped<int>) unsigned char room[sizeof(scoped<int>)];
    auto* first = new (room) scoped<int>;
    fiber<bool> later;
    const chan<int> go_on;
    first->bind(1, [&] {
      later = spawn([&] {
        static_cast<void>(go_on.recv());
        return reinterpret_cast<scoped<int>*>(room)->is_bound();
      });
    });
    first->~scoped();
    new (room) scoped<int>;
    go_on.send(1);
    EXPECT_FALSE(later.join());
  });
}

THRUM_ON_PROCESSORS(scoped_values);
