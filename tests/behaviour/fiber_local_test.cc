// fiber_local.h: one value for each fiber and each thread, made at its first use and destroyed at its end.
#include "support/on_processors.h"
#include "support/scale.h"
#include "support/waits.h"

#include <thrum/fiber_local.h>
#include <thrum/thrum.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using test::times;
using thrum::chan;
using thrum::fiber;
using thrum::fiber_local;
using thrum::spawn;
using thrum::this_fiber::yield;

class fiber_locals : public test::on_processors {};

std::atomic<int> alive{0};
struct counted {
  counted() { ++alive; }
  ~counted() { --alive; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  int number = 0;
};

fiber_local<counted> global;
fiber_local<int> begins_with_seven([] { return 7; });

} // namespace

TEST_P(fiber_locals, every_fiber_has_its_own_and_keeps_it_across_waits) {
  run([] {
    std::vector<fiber<void>> all;
    const chan<int> meet;
    for (int i = 1; i <= 8; ++i)
      all.push_back(spawn([=] {
        EXPECT_EQ(global.find(), nullptr);
        counted* const mine = &*global;
        mine->number = i;
        for (std::size_t k = 0; k < times(200); ++k) {
          if (i % 2 == 0)
            meet.send(i);
          else
            static_cast<void>(meet.recv());
          yield();
          EXPECT_EQ(&global.get(), mine);
          EXPECT_EQ(global->number, i);
        }
      }));
    for (auto& f : all) f.join();
  });
}

TEST_P(fiber_locals, they_are_gone_when_join_returns) {
  run([] {
    for (std::size_t i = 0; i < times(200); ++i) {
      auto f = spawn([] { global->number = 1; });
      f.join();
      EXPECT_EQ(alive, 0);
    }
    auto failing = spawn([] {
      global->number = 1;
      throw 5;
    });
    EXPECT_THROW(failing.join(), int);
    EXPECT_EQ(alive, 0);
  });
}

TEST_P(fiber_locals, they_are_gone_when_a_wait_group_lets_go) {
  run([] {
    thrum::wait_group all;
    for (std::size_t i = 0; i < times(200); ++i) all.go([] { global->number = 1; });
    all.wait();
    EXPECT_EQ(alive, 0);
  });
}

TEST_P(fiber_locals, those_of_detached_fibers_are_gone_when_the_runtime_is) {
  run([] {
    for (std::size_t i = 0; i < times(200); ++i) thrum::go([] { global->number = 1; });
    for (int i = 0; i < 3; ++i)
      thrum::go([] {
        global->number = 1;
        static_cast<void>(chan<int>().recv()); // until it is asked to stop
      });
  });
  EXPECT_EQ(alive, 0);
}

TEST_P(fiber_locals, a_fiber_that_serves_a_warm_stack_begins_without_values) {
  run([] {
    for (std::size_t i = 0; i < times(500); ++i)
      thrum::go([] {
        EXPECT_EQ(begins_with_seven.find(), nullptr);
        EXPECT_EQ(*begins_with_seven, 7);
        *begins_with_seven = 8;
      });
  });
}

TEST_P(fiber_locals, nothing_is_inherited) {
  run([] {
    *begins_with_seven = 9;
    spawn([] { EXPECT_EQ(*begins_with_seven, 7); }).join();
    EXPECT_EQ(*begins_with_seven, 9);
  });
}

TEST(fiber_locals_on_threads, a_thread_has_one_until_it_ends) {
  global->number = 1;
  EXPECT_EQ(alive, 1);
  std::thread([] {
    EXPECT_EQ(global.find(), nullptr);
    global->number = 2;
    EXPECT_EQ(alive, 2);
  }).join();
  EXPECT_EQ(alive, 1);
  EXPECT_EQ(global->number, 1);
  thrum::run([] {
    EXPECT_EQ(global.find(), nullptr);
    global->number = 3;
  });
  EXPECT_EQ(global->number, 1);
  global.reset();
  EXPECT_EQ(alive, 0);
}

TEST(fiber_locals_on_threads, a_thread_that_follows_another_begins_without_values) {
  for (int i = 0; i < 10; ++i)
    std::thread([] {
      EXPECT_EQ(*begins_with_seven, 7);
      *begins_with_seven = 8;
    }).join();
}

TEST_P(fiber_locals, reset_destroys_and_the_next_use_makes_another) {
  run([] {
    global.reset(); // there is none
    EXPECT_EQ(alive, 0);
    global->number = 1;
    begins_with_seven.get() = 1;
    EXPECT_EQ(alive, 1);
    global.reset();
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(global.find(), nullptr);
    EXPECT_EQ(global->number, 0);
    EXPECT_EQ(*begins_with_seven, 1);
  });
  EXPECT_EQ(alive, 0);
}

TEST_P(fiber_locals, an_initialiser_may_have_captures_and_use_others_and_wait) {
  run([] {
    int made = 0;
    fiber_local first([&] { return ++made; });
    fiber_local second([&] {
      yield();
      return std::to_string(*first) + "!";
    });
    EXPECT_EQ(*second, "1!");
    spawn([&] { EXPECT_EQ(*second, "2!"); }).join();
    EXPECT_EQ(*first, 1);
    EXPECT_EQ(made, 2);
  });
}

TEST_P(fiber_locals, one_whose_making_throws_has_no_value_and_tries_again) {
  run([] {
    int tries = 0;
    fiber_local<int, std::function<int()>> refuses([&] {
      if (++tries < 3) throw std::runtime_error("not yet");
      return tries;
    });
    EXPECT_THROW(static_cast<void>(*refuses), std::runtime_error);
    EXPECT_EQ(refuses.find(), nullptr);
    EXPECT_THROW(static_cast<void>(*refuses), std::runtime_error);
    EXPECT_EQ(*refuses, 3);
    EXPECT_EQ(*refuses, 3);
  });
}

namespace {

// Tells when it dies.
struct noted {
  noted(std::vector<int>& l, int n) : log(&l), number(n) {}
  noted(noted&& other) noexcept = delete;
  ~noted() { log->push_back(number); }
  std::vector<int>* log;
  int number;
};

} // namespace

TEST_P(fiber_locals, the_newest_dies_first) {
  run([] {
    std::vector<int> log;
    fiber_local a([&] { return noted(log, 1); });
    fiber_local b([&] { return noted(log, 2); });
    fiber_local c([&] { return noted(log, 3); });
    spawn([&] {
      static_cast<void>(*b);
      static_cast<void>(*c);
      static_cast<void>(*a);
    }).join();
    EXPECT_EQ(log, (std::vector<int>{1, 3, 2}));
    log.clear();
    spawn([&] {
      static_cast<void>(*b);
      static_cast<void>(*c);
      static_cast<void>(*a);
      c.reset();
      EXPECT_EQ(log, (std::vector<int>{3}));
    }).join();
    EXPECT_EQ(log, (std::vector<int>{3, 1, 2}));
  });
}

namespace {

// Its destructor calls a function.
struct calls_at_end {
  std::function<void()> f;
  ~calls_at_end() {
    if (f) f();
  }
};

} // namespace

TEST_P(fiber_locals, a_destructor_may_use_others_also_such_as_are_gone) {
  run([] {
    std::vector<int> log;
    fiber_local older([&] { return noted(log, 1); });
    fiber_local<calls_at_end> closer;
    fiber_local newer([&] { return noted(log, 2); });
    spawn([&] {
      static_cast<void>(*older);
      closer->f = [&] {
        EXPECT_NE(older.find(), nullptr) << "it is older, so it is there still";
        EXPECT_EQ(newer.find(), nullptr) << "it is newer, so it is gone";
        newer->number = 3; // made again, and destroyed again
      };
      static_cast<void>(*newer);
    }).join();
    EXPECT_EQ(log, (std::vector<int>{2, 3, 1}));
  });
}

TEST_P(fiber_locals, a_destructor_may_wait_and_is_not_stopped) {
  run([] {
    const chan<int> values;
    int got = 0;
    fiber_local<calls_at_end> closer;
    const chan<int> set;
    auto f = spawn([&] {
      closer->f = [&] { got = values.recv().value(); };
      set.send(1);
      static_cast<void>(chan<int>().recv());
    });
    static_cast<void>(set.recv());
    f.request_stop();
    values.send(5);
    EXPECT_THROW(f.join(), thrum::cancelled);
    EXPECT_EQ(got, 5);
  });
}

// Slots are recycled: a value of one that is gone must not be taken for one of its successor, and dies at the latest with its
// fiber.
TEST_P(fiber_locals, members_come_and_go_without_meeting_each_others_values) {
  run([] {
    struct session {
      fiber_local<counted> last;
      fiber_local<std::string> text;
    };
    std::vector<fiber<void>> all;
    for (int i = 1; i <= 4; ++i)
      all.push_back(spawn([=] {
        for (std::size_t k = 0; k < times(300); ++k) {
          auto s = std::make_unique<session>();
          EXPECT_EQ(s->last.find(), nullptr);
          EXPECT_EQ(*s->text, "");
          EXPECT_EQ(s->last->number, 0);
          s->last->number = i;
          *s->text = "used";
          yield();
          EXPECT_EQ(s->last->number, i);
        }
      }));
    for (auto& f : all) f.join();
    EXPECT_EQ(alive, 0);
  });
}

TEST_P(fiber_locals, a_fiber_may_have_hundreds) {
  run([] {
    std::vector<std::unique_ptr<fiber_local<std::size_t>>> many;
    for (std::size_t i = 0; i < 500; ++i) many.push_back(std::make_unique<fiber_local<std::size_t>>());
    const auto use = [&](std::size_t step) {
      for (std::size_t i = 0; i < many.size(); i += step) {
        EXPECT_EQ(**many[i], 0u);
        **many[i] = i + 1;
      }
      for (std::size_t i = 0; i < many.size(); ++i) {
        const std::size_t* v = many[i]->find();
        EXPECT_EQ(v == nullptr ? 0 : *v, i % step == 0 ? i + 1 : 0);
      }
      for (std::size_t i = 0; i < many.size(); i += 2 * step) many[i]->reset();
      for (std::size_t i = 0; i < many.size(); i += step)
        EXPECT_EQ(**many[i], i % (2 * step) == 0 ? 0 : i + 1);
    };
    spawn([&] { use(1); }).join();
    spawn([&] { use(7); }).join();
    spawn([&] { use(64); }).join();
  });
}

TEST_P(fiber_locals, values_may_be_aligned) {
  run([] {
    struct alignas(128) wide {
      int n = 0;
    };
    fiber_local<wide> w;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*w) % 128, 0u);
  });
}

THRUM_ON_PROCESSORS(fiber_locals);
