// Locks in wrong orders, and in orders that only look wrong: `lock_orders NAME`. No run of these deadlocks: who could wait for another
// starts when that one has ended. lock_order_test.cc reads what THRUM_DEBUG=lock_order says.
#include "cast.h"

#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <thread>

namespace {

using namespace std::chrono_literals;
using deadlock::cast;

template <class F> void play(F f) {
  thrum::run(
      [&] {
        cast all;
        f(all);
      },
      {.processors = 2, .name = "orders"});
}

template <class First, class Second> void nest(First& first, Second& second) {
  const std::lock_guard outer(first);
  const std::lock_guard inner(second);
}

// ---- wrong

void ab_ba() {
  play([](cast& all) {
    thrum::mutex a, b;
    all.act("left", [&] { nest(a, b); }).join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void recursive_ab_ba() {
  play([](cast& all) {
    thrum::recursive_mutex a, b;
    all.act("left",
            [&] {
              const std::lock_guard outer(a), again(a);
              const std::lock_guard inner(b);
            })
        .join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void shared_ab_ba() {
  play([](cast& all) {
    thrum::shared_mutex a, b;
    all.act("left", [&] { nest(a, b); }).join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void reader_against_writer() {
  play([](cast& all) {
    thrum::shared_mutex a;
    thrum::mutex b;
    all.act("left",
            [&] {
              const std::shared_lock read(a);
              const std::lock_guard inner(b);
            })
        .join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void ring_of_three() {
  play([](cast& all) {
    thrum::mutex a, b, c;
    all.act("first", [&] { nest(a, b); }).join();
    all.act("second", [&] { nest(b, c); }).join();
    all.act("third", [&] { nest(c, a); }).join();
  });
}
void by_way_of_one_that_was_tried() {
  play([](cast& all) {
    thrum::mutex a, b;
    all.act("left",
            [&] {
              const std::unique_lock outer(a, std::try_to_lock);
              const std::lock_guard inner(b);
            })
        .join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void by_way_of_one_with_a_deadline() {
  play([](cast& all) {
    thrum::mutex a, b;
    all.act("left",
            [&] {
              const std::unique_lock outer(a, 1h);
              const std::lock_guard inner(b);
            })
        .join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void thread_against_fiber() {
  play([](cast& all) {
    thrum::mutex a, b;
    std::thread([&] { nest(a, b); }).join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void after_a_wait_for_a_condition() {
  play([](cast& all) {
    thrum::mutex a, b;
    thrum::condition_variable never;
    all.act("left",
            [&] {
              std::unique_lock outer(a);
              const std::lock_guard inner(b);
              never.wait_for(outer, 1ms); // and a once more, while b is held
            })
        .join();
    all.act("right", [&] { nest(a, b); }).join();
  });
}
void contended() {
  play([](cast& all) {
    thrum::mutex a, b;
    all.act("left", [&] {
      const std::lock_guard outer(a);
      thrum::this_fiber::sleep_for(5ms);
      const std::lock_guard inner(b);
    });
    for (int i = 0; i < 3; ++i) all.act("behind", [&] { nest(a, b); });
    all.join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}
void many_locks_of_one_place() {
  play([](cast& all) {
    struct pair {
      thrum::mutex a, b;
    };
    std::deque<pair> pairs(100);
    for (pair& p : pairs) thrum::spawn([&] { nest(p.a, p.b); }).join();
    for (pair& p : pairs) thrum::spawn([&] { nest(p.b, p.a); }).join();
    static_cast<void>(all);
  });
}
void two_of_them() {
  play([](cast& all) {
    thrum::mutex a, b, c, d;
    all.act("left", [&] { nest(a, b); }).join();
    all.act("right", [&] { nest(b, a); }).join();
    all.act("up", [&] { nest(c, d); }).join();
    all.act("down", [&] { nest(d, c); }).join();
  });
}

// ---- right

void a_hierarchy() {
  play([](cast& all) {
    thrum::mutex a, b, c;
    for (int i = 0; i < 10; ++i)
      all.act("climber", [&] {
        for (int turn = 0; turn < 100; ++turn) {
          const std::lock_guard outer(a);
          if (turn % 2 == 0) nest(b, c);
          const std::lock_guard inner(c);
        }
      });
    all.join();
  });
}
void tries_backwards() {
  play([](cast& all) {
    thrum::mutex a, b;
    all.act("left", [&] { nest(a, b); }).join();
    all.act("right",
            [&] {
              const std::lock_guard outer(b);
              const std::unique_lock tried(a, std::try_to_lock);
            })
        .join();
  });
}
void backwards_with_a_deadline() {
  play([](cast& all) {
    thrum::mutex a, b;
    thrum::shared_mutex c;
    all.act("left",
            [&] {
              const std::lock_guard outer(a);
              nest(b, c);
            })
        .join();
    all.act("right",
            [&] {
              const std::lock_guard outer(c);
              const std::unique_lock one(b, 1h);
              const std::unique_lock other(a, 1h);
            })
        .join();
  });
}
void scoped_locks_in_any_order() {
  play([](cast& all) {
    thrum::mutex a, b;
    thrum::shared_mutex c;
    for (int i = 0; i < 4; ++i)
      all.act("taker", [&, i] {
        for (int turn = 0; turn < 100; ++turn) {
          if (i % 2 == 0)
            const std::scoped_lock all_three(a, b, c);
          else
            const std::scoped_lock all_three(c, b, a);
          thrum::this_fiber::yield();
        }
      });
    all.join();
  });
}
void hand_over_hand() {
  play([](cast& all) {
    std::deque<thrum::mutex> list(50);
    for (int i = 0; i < 4; ++i)
      all.act("walker", [&] {
        for (int turn = 0; turn < 10; ++turn) {
          std::unique_lock<thrum::mutex> here(list[0]);
          for (std::size_t at = 1; at < list.size(); ++at) {
            std::unique_lock next(list[at]);
            here = std::move(next);
          }
        }
      });
    all.join();
  });
}
void readers_among_themselves() {
  play([](cast& all) {
    thrum::shared_mutex a, b;
    const auto read = [](thrum::shared_mutex& first, thrum::shared_mutex& second) {
      const std::shared_lock outer(first);
      const std::shared_lock inner(second);
    };
    all.act("left", [&] { read(a, b); }).join();
    all.act("right", [&] { read(b, a); }).join();
  });
}
void one_fiber_alone() {
  play([](cast& all) {
    thrum::mutex a, b;
    all.act("both",
            [&] {
              nest(a, b);
              nest(b, a);
            })
        .join();
  });
}
void under_a_lock_of_both() {
  play([](cast& all) {
    thrum::mutex gate, a, b;
    const auto guarded = [&](thrum::mutex& first, thrum::mutex& second) {
      const std::lock_guard hold(gate);
      nest(first, second);
    };
    all.act("left", [&] { guarded(a, b); }).join();
    all.act("right", [&] { guarded(b, a); }).join();
  });
}
void one_after_the_other() {
  play([](cast& all) {
    thrum::mutex a, b;
    const auto apart = [](thrum::mutex& first, thrum::mutex& second) {
      { const std::lock_guard hold(first); }
      const std::lock_guard hold(second);
    };
    all.act("left", [&] { apart(a, b); }).join();
    all.act("right", [&] { apart(b, a); }).join();
  });
}
void others_in_the_same_place() {
  play([](cast& all) {
    thrum::mutex a;
    alignas(thrum::mutex) unsigned char room[sizeof(thrum::mutex)];
    alignas(thrum::shared_mutex) unsigned char shared_room[sizeof(thrum::shared_mutex)];
    auto* b = new (room) thrum::mutex;
    auto* c = new (shared_room) thrum::shared_mutex;
    all.act("left",
            [&] {
              nest(a, *b);
              nest(a, *c);
            })
        .join();
    b->~mutex();
    c->~shared_mutex();
    b = new (room) thrum::mutex; // another, with another place in the order
    c = new (shared_room) thrum::shared_mutex;
    all.act("right",
            [&] {
              nest(*b, a);
              nest(*c, a);
            })
        .join();
    b->~mutex();
    c->~shared_mutex();
  });
}
void accounts_by_address() {
  play([](cast& all) {
    std::deque<thrum::mutex> accounts(20);
    for (std::size_t i = 0; i < 8; ++i)
      all.act("clerk", [&, i] {
        for (std::size_t turn = 0; turn < 100; ++turn) {
          const std::size_t x = (i * 7 + turn * 3) % 20, y = (i * 3 + turn * 7 + 1) % 20;
          if (x != y) nest(accounts[std::min(x, y)], accounts[std::max(x, y)]);
        }
      });
    all.join();
  });
}
void shared_lock_released_by_another() {
  play([](cast& all) {
    thrum::shared_mutex a;
    thrum::mutex b;
    std::shared_lock<thrum::shared_mutex> baton;
    thrum::chan<int> passed, go_on;
    thrum::fiber<>& left = all.act("left", [&] {
      baton = std::shared_lock(a);
      passed.send(1);
      static_cast<void>(go_on.recv());
      const std::lock_guard hold(b); // a is not held any more
    });
    all.act("heir",
            [&] {
              static_cast<void>(passed.recv());
              baton.unlock();
              go_on.send(1);
            })
        .join();
    left.join();
    all.act("right", [&] { nest(b, a); }).join();
  });
}

struct scene {
  const char* name;
  void (*make)();
};

#define THRUM_SCENE(name) {#name, &name}
constexpr scene wrong[] = {
    THRUM_SCENE(ab_ba),
    THRUM_SCENE(recursive_ab_ba),
    THRUM_SCENE(shared_ab_ba),
    THRUM_SCENE(reader_against_writer),
    THRUM_SCENE(ring_of_three),
    THRUM_SCENE(by_way_of_one_that_was_tried),
    THRUM_SCENE(by_way_of_one_with_a_deadline),
    THRUM_SCENE(thread_against_fiber),
    THRUM_SCENE(after_a_wait_for_a_condition),
    THRUM_SCENE(contended),
    THRUM_SCENE(many_locks_of_one_place),
    THRUM_SCENE(two_of_them),
};
constexpr scene right[] = {
    THRUM_SCENE(a_hierarchy),
    THRUM_SCENE(tries_backwards),
    THRUM_SCENE(backwards_with_a_deadline),
    THRUM_SCENE(scoped_locks_in_any_order),
    THRUM_SCENE(hand_over_hand),
    THRUM_SCENE(readers_among_themselves),
    THRUM_SCENE(one_fiber_alone),
    THRUM_SCENE(under_a_lock_of_both),
    THRUM_SCENE(one_after_the_other),
    THRUM_SCENE(others_in_the_same_place),
    THRUM_SCENE(accounts_by_address),
    THRUM_SCENE(shared_lock_released_by_another),
};

} // namespace

// Without a name: the names of those whose orders are right.
int main(int argc, char** argv) {
  if (argc == 1) {
    for (const scene& s : right) std::printf("%s\n", s.name);
    return 0;
  }
  for (const auto* scenes : {&wrong, &right})
    for (const scene& s : *scenes)
      if (std::strcmp(s.name, argv[1]) == 0) {
        s.make();
        return 0;
      }
  std::fprintf(stderr, "usage: lock_orders NAME, with a NAME of the lists at the end of lock_orders.cc\n");
  return 2;
}
