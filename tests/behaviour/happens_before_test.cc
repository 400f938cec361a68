// What the pages of the public headers say under "Happens-before", one line of the table each: plain variables are written before
// and read after. The thread sanitizer calls it a race if the order is not there; without it, only what was read is compared.
//
// Two parties meet before they begin, without any order between them (as in versus/experiments/x18_races): so each has a thread,
// and nothing but what is tested orders them. One is a fiber; the other a fiber, or in every second round a plain thread.
#include "support/on_processors.h"

#include <thrum/emitter.h>
#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/invoke.h>
#include <thrum/io/byte_pipe.h>
#include <thrum/isolate.h>
#include <thrum/join_all.h>
#include <thrum/limit.h>
#include <thrum/operation.h>
#include <thrum/schedule.h>
#include <thrum/singleflight.h>
#include <thrum/strand.h>
#include <thrum/task.h>
#include <thrum/thread_pool.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;
using thrum::binary_semaphore;
using thrum::chan;
using thrum::this_fiber::yield;

constexpr int rounds = 6;

// Relaxed, all of it: to order nothing is the point.
struct alignas(64) signal_without_order {
  std::atomic<int> count{0};
  void raise() { count.fetch_add(1, std::memory_order_relaxed); }
  bool is_raised(int n = 1) const { return count.load(std::memory_order_relaxed) >= n; }
  void spin(int n = 1) const {
    while (!is_raised(n)) {}
  }
};

// Written before, read after. Nothing but the order that is tested makes it safe.
class alignas(64) plain {
public:
  void write() { value_ = 42; }
  void read() const { EXPECT_EQ(value_, 42); }
  void add() { ++value_; }
  void was_added(int times) const { EXPECT_EQ(value_, times); }

private:
  int value_ = 0;
};

template <class F, class G> void at_once(int round, F f, G g) {
  signal_without_order here;
  const auto party = [&here](auto& what) {
    here.raise();
    here.spin(2);
    what();
  };
  auto first = thrum::spawn([&] { party(f); });
  if (round % 2 == 1) {
    std::thread([&] { party(g); }).join();
  } else {
    party(g);
  }
  first.join();
}

// ---- channels

template <std::size_t Capacity> void send_and_receive(int round) {
  const chan<int> c(Capacity);
  plain x;
  at_once(round, [&] { x.write(), c.send(1); }, [&] { static_cast<void>(c.recv()), x.read(); });
}
void unbounded_send_and_receive(int round) {
  const auto c = chan<int>::unbounded();
  plain x;
  at_once(round, [&] { x.write(), c.send(1); }, [&] { static_cast<void>(c.recv()), x.read(); });
}
void receive_and_return_of_send(int round) {
  const chan<int> c;
  plain x;
  at_once(round, [&] { c.send(1), x.read(); }, [&] { x.write(), static_cast<void>(c.recv()); });
}
void receive_and_send_that_needs_its_room(int round) {
  const chan<int> c(2);
  c.send(1);
  c.send(2);
  plain x;
  at_once(round, [&] { c.send(3), x.read(); }, [&] { x.write(), static_cast<void>(c.recv()); });
}
void close_and_end(int round) {
  const chan<int> c(1);
  plain x;
  at_once(round, [&] { x.write(), c.close(); }, [&] { EXPECT_FALSE(c.recv()), x.read(); });
}
void close_with_a_reason(int round) {
  const chan<int> c(1);
  plain x;
  at_once(
      round, [&] { x.write(), c.close(std::make_exception_ptr(1)); },
      [&] {
        EXPECT_THROW(static_cast<void>(c.recv()), int);
        x.read();
      });
}
void try_send_and_try_receive(int round) {
  const chan<int> c(1);
  plain x;
  at_once(
      round,
      [&] {
        x.write();
        while (c.try_send(1) != thrum::chan_status::ok) yield();
      },
      [&] {
        while (!c.try_recv()) yield();
        x.read();
      });
}
void select_of_a_send_and_of_a_receive(int round) {
  const chan<int> c, other;
  plain x;
  at_once(
      round,
      [&] {
        x.write();
        EXPECT_EQ(thrum::select(thrum::send(c, 1), thrum::recv(other)), 0u);
      },
      [&] {
        EXPECT_EQ(thrum::select(thrum::recv(c), thrum::recv(other)), 0u);
        x.read();
      });
}
void send_and_coroutine_that_receives(int round) {
  const chan<int> c;
  plain x;
  at_once(
      round, [&] { x.write(), c.send(1); },
      [&] {
        thrum::await([](chan<int> from, plain& y) -> thrum::task<> {
          static_cast<void>(co_await from.async_recv());
          y.read();
        }(c, x));
      });
}
void emit_and_stream(int round) {
  thrum::emitter<int> e;
  auto all = thrum::events(e);
  plain x;
  at_once(round, [&] { x.write(), e.emit(1); }, [&] { static_cast<void>(all.recv()), x.read(); });
}

void write_and_read_of_a_byte_pipe(int round) {
  auto ends = thrum::io::byte_pipe(16);
  auto& [in, out] = ends;
  const std::string one(1, 'x');
  char room[1];
  plain x;
  at_once(
      round, [&, &to = out] { x.write(), to.write_all(one).value(); },
      [&, &from = in] {
        EXPECT_EQ(from.read_some({room, 1}).value(), 1u);
        x.read();
      });
}

// ---- locks: what each adds is plain

template <class Lock, class Unlock> void exclusion(int round, Lock lock, Unlock unlock) {
  plain x;
  const auto add = [&] {
    for (int i = 0; i < 20; ++i) {
      lock();
      x.add();
      if (i % 8 == 0) yield();
      unlock();
    }
  };
  at_once(round, add, add);
  x.was_added(40);
}
template <class Mutex, class... How> void unlock_and_lock(int round) {
  Mutex m(How{}...);
  exclusion(round, [&] { m.lock(); }, [&] { m.unlock(); });
}
struct fairly : thrum::fair_t {
  constexpr fairly() : fair_t{} {}
};
template <class Mutex> void unlock_and_try_lock(int round) {
  Mutex m;
  exclusion(
      round,
      [&] {
        while (!m.try_lock() && !m.try_lock_for(1us)) yield();
      },
      [&] { m.unlock(); });
}
[[gnu::noinline]] std::stop_source new_source() { return {}; } // or g++ 12 warns of it, falsely
void unlock_and_lock_with_a_token(int round) {
  thrum::recursive_mutex m;
  std::stop_source never = new_source();
  exclusion(round, [&] { EXPECT_TRUE(m.lock(never.get_token())); }, [&] { m.unlock(); });
}
void unlock_and_lock_shared(int round) {
  thrum::shared_mutex m;
  plain x;
  signal_without_order written;
  at_once(
      round,
      [&] {
        const std::lock_guard hold(m);
        x.write();
        written.raise();
      },
      [&] {
        written.spin();
        const std::shared_lock hold(m);
        x.read();
      });
}
void unlock_shared_and_lock(int round) {
  thrum::shared_mutex m;
  plain x;
  x.write();
  signal_without_order has_read;
  at_once(
      round,
      [&] {
        const std::shared_lock hold(m);
        x.read();
        has_read.raise();
      },
      [&] {
        has_read.spin();
        const std::lock_guard hold(m);
        x.add();
      });
}
void guarded_values(int round) {
  thrum::guarded<int> n(0);
  const auto add = [&] {
    for (int i = 0; i < 20; ++i) ++*n.lock();
  };
  at_once(round, add, add);
  EXPECT_EQ(*n.lock(), 40);
}
void permits(int round) {
  thrum::counting_semaphore<> s(1);
  exclusion(round, [&] { s.acquire(); }, [&] { s.release(); });
}
void permits_that_are_tried_or_selected(int round) {
  binary_semaphore s(1);
  int way = 0; // guarded by the semaphore
  exclusion(
      round,
      [&] {
        while (!s.try_acquire() && !s.try_acquire_for(1us) &&
               thrum::select(thrum::acquire(s), thrum::after(1us)) != 0) {}
        ++way;
      },
      [&] { s.release(); });
}

void places_of_a_limit(int round) {
  thrum::concurrency_limit one(1);
  exclusion(round, [&] { one.acquire(); }, [&] { one.release(); });
}

// ---- waiting for something

void release_and_acquire(int round) {
  binary_semaphore s(0);
  plain x;
  at_once(round, [&] { x.write(), s.release(); }, [&] { s.acquire(), x.read(); });
}
void count_down_and_wait(int round) {
  thrum::latch l(1);
  plain x;
  at_once(round, [&] { x.write(), l.count_down(); }, [&] { l.wait(), x.read(); });
}
void count_down_and_try_wait(int round) {
  thrum::latch l(1);
  plain x;
  at_once(
      round, [&] { x.write(), l.count_down(); },
      [&] {
        while (!l.try_wait()) {}
        x.read();
      });
}
void arrive_and_the_return_of_all(int round) {
  plain x, y;
  thrum::barrier b(2);
  const auto party = [&](plain& mine, plain& other) {
    for (int i = 1; i <= 10; ++i) {
      mine.add();
      b.arrive_and_wait();
      other.was_added(i);
      b.arrive_and_wait(); // before it is written again
    }
  };
  at_once(round, [&] { party(x, y); }, [&] { party(y, x); });
}
void arrive_completion_and_return(int round) {
  plain x, y, sum;
  thrum::barrier b(2, [&]() noexcept {
    x.read(), y.read();
    sum.write();
  });
  at_once(
      round, [&] { x.write(), b.arrive_and_wait(), sum.read(); },
      [&] { y.write(), b.arrive_and_wait(), sum.read(); });
}
void notify_and_wait(int round) {
  struct no_lock { // so that only the notification orders
    void lock() {}
    void unlock() {}
  } none;
  thrum::condition_variable changed;
  plain x;
  signal_without_order woken;
  at_once(
      round,
      [&] {
        x.write();
        while (!woken.is_raised()) { // it may not wait yet
          if (round % 4 < 2)
            changed.notify_one();
          else
            changed.notify_all();
          yield();
        }
      },
      [&] {
        changed.wait(none);
        x.read();
        woken.raise();
      });
}
void the_call_and_those_who_find_it_done(int round) {
  thrum::once_flag made;
  plain x;
  const auto party = [&] {
    thrum::call_once(made, [&] { x.write(); });
    x.read();
  };
  at_once(round, party, party);
}
void done_and_wait(int round) {
  thrum::wait_group all;
  all.add(1);
  plain x;
  at_once(round, [&] { x.write(), all.done(); }, [&] { all.wait(), x.read(); });
}
void store_and_wait_of_an_atomic(int round) {
  thrum::atomic<int> a(0);
  plain x;
  at_once(
      round,
      [&] {
        x.write();
        a.store(1, std::memory_order_release);
        a.notify_all();
      },
      [&] {
        a.wait(0, std::memory_order_acquire);
        x.read();
      });
}
void singleflight_and_those_who_waited(int round) {
  thrum::singleflight<int, std::shared_ptr<plain>> flights;
  const auto party = [&] {
    flights
        .run(1,
             [] {
               auto x = std::make_shared<plain>();
               x->write();
               for (int i = 0; i < 50; ++i) yield();
               return x;
             })
        ->read();
  };
  at_once(round, party, party);
}

// ---- starting and ending: who starts goes on only when the other one runs, so that it runs elsewhere

void spawn_and_join(int) {
  plain x, y;
  signal_without_order begun;
  x.write();
  auto f = thrum::spawn([&] {
    begun.raise();
    x.read();
    y.write();
  });
  begun.spin();
  f.join();
  y.read();
}
void spawn_and_ended(int) {
  plain y;
  signal_without_order begun;
  auto f = thrum::spawn([&] {
    begun.raise();
    y.write();
  });
  begun.spin();
  while (!f.ended()) {}
  y.read();
  f.join();
}
void go_and_the_end_of_a_group(int) {
  plain x, y;
  signal_without_order begun;
  x.write();
  thrum::wait_group all;
  all.go([&] {
    begun.raise();
    x.read();
    y.write();
  });
  begun.spin();
  all.wait();
  y.read();
}
void tasks_of_a_group(int) {
  plain x, y;
  signal_without_order begun;
  x.write();
  thrum::task_group<> group;
  auto t = group.spawn([&] {
    begun.raise();
    x.read();
    y.write();
  });
  begun.spin();
  group.join();
  y.read();
}
void functions_of_join_all(int) {
  plain x, y, z;
  signal_without_order begun;
  x.write();
  thrum::join_all(
      [&] {
        begun.raise();
        begun.spin(2);
        x.read();
        y.write();
      },
      [&] {
        begun.raise();
        begun.spin(2);
        x.read();
        z.write();
      });
  y.read();
  z.read();
}
void elements_of_map_limit(int) {
  plain x;
  std::vector<plain> out(4);
  x.write();
  thrum::for_each_limit(2, out, [&](plain& mine) {
    x.read();
    mine.write();
  });
  for (const plain& each : out) each.read();
}
void runtimes(int) {
  plain x, y;
  x.write();
  std::thread([&] {
    thrum::run(
        [&] {
          x.read();
          thrum::go([&] { y.write(); });
        },
        {.processors = 2});
    y.read(); // the end of every fiber -> the end of the runtime
  }).join();
}

// ---- futures, executors, time

void set_value_and_get(int round) {
  thrum::promise<int> p;
  auto f = p.get_future();
  plain x;
  at_once(round, [&] { x.write(), p.set_value(1); }, [&] { static_cast<void>(f.get()), x.read(); });
}
void set_exception_and_continuations(int round) {
  thrum::promise<int> p;
  auto f = p.get_future();
  plain x, y;
  at_once(
      round, [&] { x.write(), p.set_exception(std::make_exception_ptr(1)); },
      [&] {
        std::move(f)
            .settle([&](const thrum::outcome<int>&) {
              x.read();
              y.write();
            })
            .get();
        y.read();
      });
}
void settlements_and_all(int round) {
  thrum::promise<int> p, q;
  std::vector<thrum::future<int>> both;
  both.push_back(p.get_future());
  both.push_back(q.get_future());
  auto f = thrum::all(std::move(both));
  plain x, y;
  at_once(
      round, [&] { x.write(), p.set_value(1); },
      [&] {
        y.write(), q.set_value(2);
        static_cast<void>(f.get());
        x.read();
      });
}
void async_and_get(int) {
  plain x, y;
  signal_without_order begun;
  x.write();
  auto f = thrum::async([&] {
    begun.raise();
    x.read();
    y.write();
  });
  begun.spin();
  f.get();
  y.read();
}
void work_of_a_thread_pool(int) {
  plain x, y;
  signal_without_order begun;
  thrum::thread_pool pool({.threads = 1});
  x.write();
  auto f = pool.spawn([&] {
    begun.raise();
    x.read();
    y.write();
  });
  begun.spin();
  f.join();
  y.read();
}
void end_of_a_thread_pool(int) {
  plain x, y;
  {
    thrum::thread_pool pool({.threads = 1});
    x.write();
    pool.execute([&] {
      x.read();
      y.write();
    });
  }
  y.read();
}
void invoke_all_and_its_return(int) {
  thrum::thread_pool pool({.threads = 2});
  plain x, y, z;
  x.write();
  const std::vector<std::function<void()>> both{[&] { x.read(), y.write(); }, [&] { x.read(), z.write(); }};
  static_cast<void>(thrum::invoke_all(pool, both));
  y.read();
  z.read();
}
void pieces_of_a_strand(int round) {
  plain x, y;
  x.write();
  {
    thrum::strand s;
    const auto post = [&] {
      for (int i = 0; i < 20; ++i)
        s.execute([&] {
          x.read();
          y.add();
        });
    };
    at_once(round, post, post);
  }
  y.was_added(40);
}
void posts_to_a_loop(int round) {
  plain x, y;
  int left = 40; // the loop's
  thrum::event_loop loop;
  auto token = std::make_optional(loop.keep());
  x.write();
  auto running = thrum::spawn([&] { loop.run(); });
  const auto post = [&] {
    for (int i = 0; i < 20; ++i)
      loop.execute([&] {
        x.read();
        y.add();
        if (--left == 0) token.reset();
      });
  };
  at_once(round, post, post);
  running.join();
  y.was_added(40);
}
void setting_a_timer_and_its_call(int) {
  plain x, y;
  binary_semaphore called(0);
  x.write();
  thrum::timer t(0s, [&] {
    x.read();
    y.add();
    called.release();
  });
  called.acquire();
  y.was_added(1);
}
void calls_of_a_timer(int) {
  plain y;
  std::atomic<int> calls{0};
  thrum::timer t(0s, [&] {
    y.add();
    calls.fetch_add(1, std::memory_order_relaxed);
  });
  for (int i = 1; i <= 5; ++i) {
    while (calls.load(std::memory_order_relaxed) < i) yield();
    t.reset(0s);
  }
  while (calls.load(std::memory_order_relaxed) < 6) yield();
}
void calls_of_a_schedule(int) {
  struct shared {
    plain x, y;
    int calls = 0; // of the calls alone
    binary_semaphore thrice{0};
  };
  const auto mine = std::make_shared<shared>(); // a call may outlast the schedule
  mine->x.write();
  auto s = thrum::schedule_every(thrum::executor::current(), 1ms, [mine] {
    mine->x.read();
    mine->y.add();
    if (++mine->calls == 3) mine->thrice.release();
  });
  mine->thrice.acquire();
}

// ---- isolates share nothing, but for what C++ lets them see: here, to look at the order

plain seen_there, seen_here;

void post_and_receive_of_an_isolate(int) {
  seen_there = {};
  seen_here = {};
  thrum::isolate<int, int> worker([](auto& parent) {
    static_cast<void>(parent.recv());
    seen_there.read();
    seen_here.write();
    parent.post(1);
  });
  seen_there.write();
  worker.post(1);
  static_cast<void>(worker.recv());
  seen_here.read();
  worker.join();
}
void end_of_an_isolate(int) {
  seen_here = {};
  thrum::isolate<int, int> worker([](auto&) { seen_here.write(); });
  worker.join();
  seen_here.read();
}

// ---- the table

struct edge {
  const char* name;
  void (*happens)(int round);
};
std::ostream& operator<<(std::ostream& out, const edge& e) { return out << e.name; }

#define THRUM_EDGE(function)                                                                                 \
  edge { #function, function }
const edge edges[] = {
    {"send_and_receive_unbuffered", send_and_receive<0>},
    {"send_and_receive_buffered", send_and_receive<4>},
    THRUM_EDGE(unbounded_send_and_receive),
    THRUM_EDGE(receive_and_return_of_send),
    THRUM_EDGE(receive_and_send_that_needs_its_room),
    THRUM_EDGE(close_and_end),
    THRUM_EDGE(close_with_a_reason),
    THRUM_EDGE(try_send_and_try_receive),
    THRUM_EDGE(select_of_a_send_and_of_a_receive),
    THRUM_EDGE(send_and_coroutine_that_receives),
    THRUM_EDGE(emit_and_stream),
    THRUM_EDGE(write_and_read_of_a_byte_pipe),
    {"unlock_and_lock_of_a_mutex", unlock_and_lock<thrum::mutex>},
    {"unlock_and_lock_of_a_recursive_mutex", unlock_and_lock<thrum::recursive_mutex>},
    {"unlock_and_lock_of_a_fair_mutex", unlock_and_lock<thrum::recursive_mutex, fairly>},
    {"unlock_and_lock_of_a_shared_mutex", unlock_and_lock<thrum::shared_mutex>},
    {"unlock_and_try_lock_of_a_mutex", unlock_and_try_lock<thrum::mutex>},
    {"unlock_and_try_lock_of_a_shared_mutex", unlock_and_try_lock<thrum::shared_mutex>},
    THRUM_EDGE(unlock_and_lock_with_a_token),
    THRUM_EDGE(unlock_and_lock_shared),
    THRUM_EDGE(unlock_shared_and_lock),
    THRUM_EDGE(guarded_values),
    THRUM_EDGE(permits),
    THRUM_EDGE(permits_that_are_tried_or_selected),
    THRUM_EDGE(places_of_a_limit),
    THRUM_EDGE(release_and_acquire),
    THRUM_EDGE(count_down_and_wait),
    THRUM_EDGE(count_down_and_try_wait),
    THRUM_EDGE(arrive_and_the_return_of_all),
    THRUM_EDGE(arrive_completion_and_return),
    THRUM_EDGE(notify_and_wait),
    THRUM_EDGE(the_call_and_those_who_find_it_done),
    THRUM_EDGE(done_and_wait),
    THRUM_EDGE(store_and_wait_of_an_atomic),
    THRUM_EDGE(singleflight_and_those_who_waited),
    THRUM_EDGE(spawn_and_join),
    THRUM_EDGE(spawn_and_ended),
    THRUM_EDGE(go_and_the_end_of_a_group),
    THRUM_EDGE(tasks_of_a_group),
    THRUM_EDGE(functions_of_join_all),
    THRUM_EDGE(elements_of_map_limit),
    THRUM_EDGE(runtimes),
    THRUM_EDGE(set_value_and_get),
    THRUM_EDGE(set_exception_and_continuations),
    THRUM_EDGE(settlements_and_all),
    THRUM_EDGE(async_and_get),
    THRUM_EDGE(work_of_a_thread_pool),
    THRUM_EDGE(end_of_a_thread_pool),
    THRUM_EDGE(invoke_all_and_its_return),
    THRUM_EDGE(pieces_of_a_strand),
    THRUM_EDGE(posts_to_a_loop),
    THRUM_EDGE(setting_a_timer_and_its_call),
    THRUM_EDGE(calls_of_a_timer),
    THRUM_EDGE(calls_of_a_schedule),
    THRUM_EDGE(post_and_receive_of_an_isolate),
    THRUM_EDGE(end_of_an_isolate),
};

class happens_before : public testing::TestWithParam<std::tuple<edge, unsigned>> {};

} // namespace

TEST_P(happens_before, what_is_written_before_is_seen_after) {
  const edge& e = std::get<0>(GetParam());
  thrum::options o;
  o.processors = std::get<1>(GetParam());
  o.name = "test";
  thrum::run(
      [&e] {
        for (int round = 0; round < rounds; ++round) e.happens(round);
      },
      o);
}

INSTANTIATE_TEST_SUITE_P(, happens_before,
                         testing::Combine(testing::ValuesIn(edges), testing::Values(1u, 2u, 4u)),
                         [](const auto& given) {
                           return std::string(std::get<0>(given.param).name) + "_on_" +
                                  std::to_string(std::get<1>(given.param));
                         });
