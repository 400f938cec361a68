// Deadlocks that end a program: `planted NAME` makes one of them, in which all fibers sleep and nobody is left who could wake one.
// deadlock_test.cc starts this program once for each and reads what it says when it dies.
//
// What fibers share is static: it must outlive who waits for it.
#include "cast.h"

#include <thrum/net/tcp.h>

#include <chrono>
#include <cstring>
#include <mutex>
#include <pthread.h>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using deadlock::cast;
using deadlock::lock_both;
using deadlock::meet;
using deadlock::play;
using channel = thrum::chan<int>;

void receive(const channel& c) { static_cast<void>(c.recv()); }

// ---- channels

void receive_that_nobody_sends() {
  play([](cast& all) { all.act("consumer", [c = channel()] { receive(c); }); });
}
void send_that_nobody_receives() {
  play([](cast& all) { all.act("producer", [c = channel()] { c.send(1); }); });
}
void send_into_a_full_buffer() {
  play([](cast& all) {
    all.act("producer", [c = channel(2)] {
      for (int i = 0; i < 3; ++i) c.send(i);
    });
  });
}
void receive_from_nil() {
  play([](cast& all) { all.act("consumer", [] { receive(channel(nullptr)); }); });
}
void send_to_nil() {
  play([](cast& all) { all.act("producer", [] { channel(nullptr).send(1); }); });
}
void receive_of_a_pinned_fiber() {
  play([](cast& all) {
    all.act("consumer", [c = channel()] {
      const thrum::pinned here;
      receive(c);
    });
  });
}
void main_alone() {
  play([](cast&) { receive(channel()); });
}
void send_and_receive_in_one_fiber() {
  play([](cast& all) {
    all.act("lonely", [] {
      const channel c;
      c.send(1);
      receive(c);
    });
  });
}
void forgotten_close() {
  play([](cast& all) {
    const channel c;
    all.act("producer", [c] {
      for (int i = 0; i < 3; ++i) c.send(i);
    });
    all.act("consumer", [c] {
      for ([[maybe_unused]] const int v : c) {}
    });
  });
}
void reply_to_the_wrong_channel() {
  play([](cast& all) {
    const channel requests;
    const channel replies;
    all.act("server", [=] {
      for (const int v : requests) requests.send(v + 1);
    });
    all.act("client", [=] {
      requests.send(1);
      receive(replies);
    });
  });
}
void ring_of_channels() {
  play([](cast& all) {
    static channel c[3];
    const auto pass_on = [](int i) {
      receive(c[i]);
      c[(i + 1) % 3].send(1);
    };
    all.act("first", [=] { pass_on(0); });
    all.act("second", [=] { pass_on(1); });
    all.act("third", [=] { pass_on(2); });
  });
}
void worker_pool_whose_results_nobody_reads() {
  play([](cast& all) {
    const channel jobs;
    const channel results;
    for (int i = 0; i < 4; ++i)
      all.act("worker", [=] {
        for (const int v : jobs) results.send(v * v);
      });
    all.act("boss", [=] {
      for (int i = 0; i < 100; ++i) jobs.send(i);
      jobs.close();
      for (int i = 0; i < 100; ++i) receive(results);
    });
  });
}
void consumer_of_a_producer_that_threw() {
  play([](cast& all) {
    const channel c;
    all.act("consumer", [c] {
      for ([[maybe_unused]] const int v : c) {}
    });
    all.act("producer", [c] {
      c.send(1);
      throw std::runtime_error("no more");
      c.close();
    });
  });
}
void pipeline_whose_last_stage_ends_early() {
  play([](cast& all) {
    const channel numbers;
    const channel squares;
    all.act("source", [=] {
      for (int i = 0;; ++i) numbers.send(i);
    });
    all.act("square", [=] {
      for (const int v : numbers) squares.send(v * v);
    });
    all.act("sum", [=] {
      for (int i = 0; i < 10; ++i) receive(squares);
    });
  });
}
void three_of_a_hundred_stuck() {
  play([](cast& all) {
    const channel c;
    for (int i = 0; i < 100; ++i) all.act("one_of_many", [c] { receive(c); });
    for (int i = 0; i < 97; ++i) c.send(i);
  });
}
void after_a_thousand_that_ended() {
  play([](cast& all) {
    for (int i = 0; i < 1'000; ++i) thrum::go([] { thrum::this_fiber::yield(); });
    all.act("last", [c = channel()] { receive(c); });
  });
}

// ---- select

void select_of_unused_channels() {
  play([](cast& all) {
    all.act("chooser", [a = channel(), b = channel()] { thrum::select(thrum::recv(a), thrum::send(b, 1)); });
  });
}
void select_of_nil_channels() {
  play([](cast& all) {
    all.act("chooser",
            [] { thrum::select(thrum::recv(channel(nullptr)), thrum::send(channel(nullptr), 1)); });
  });
}
void select_of_nothing() {
  play([](cast& all) { all.act("chooser", [] { thrum::selector().wait(); }); });
}
void two_selects_that_both_send() {
  play([](cast& all) {
    const channel a;
    const channel b;
    all.act("left", [=] { thrum::select(thrum::send(a, 1), thrum::send(b, 1)); });
    all.act("right", [=] { thrum::select(thrum::send(a, 2), thrum::send(b, 2)); });
  });
}
void select_for_the_end_of_a_stuck_fiber() {
  play([](cast& all) {
    thrum::fiber<>& stuck = all.act("stuck", [c = channel()] { receive(c); });
    all.act("watcher", [&] { thrum::select(thrum::ended(stuck), thrum::recv(channel(nullptr))); });
    thrum::latch(1).wait();
  });
}

// ---- locks

void ab_ba() {
  play([](cast& all) {
    static thrum::mutex a, b;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void ring_of_three_mutexes() {
  play([](cast& all) {
    static thrum::mutex m[3];
    static thrum::latch three(3);
    all.act("first", [] { lock_both(m[0], m[1], three); });
    all.act("second", [] { lock_both(m[1], m[2], three); });
    all.act("third", [] { lock_both(m[2], m[0], three); });
  });
}
void dining_philosophers() {
  play([](cast& all) {
    static thrum::mutex forks[5];
    static thrum::latch seated(5);
    for (int i = 0; i < 5; ++i)
      all.act("philosopher", [i] { lock_both(forks[i], forks[(i + 1) % 5], seated); });
  });
}
void recursive_ab_ba() {
  play([](cast& all) {
    static thrum::recursive_mutex a, b;
    static thrum::latch both(2);
    all.act("left", [] {
      const std::lock_guard again(a);
      lock_both(a, b, both);
    });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void mutex_whose_holder_has_ended() {
  play([](cast& all) {
    static thrum::mutex m;
    static thrum::latch begun(1), left(1);
    all.act("next", [] {
      begun.count_down();
      left.wait();
      const std::lock_guard hold(m);
    });
    begun.wait(); // or it would get the memory of the other one
    all.act("careless", [] { m.lock(); }).join();
    left.count_down();
  });
}
void mutex_held_across_a_receive() {
  play([](cast& all) {
    static thrum::mutex m;
    static thrum::latch held(1);
    const channel c;
    all.act("consumer", [c] {
      const std::lock_guard hold(m);
      held.count_down();
      receive(c);
    });
    all.act("producer", [c] {
      held.wait();
      const std::lock_guard hold(m);
      c.send(1);
    });
  });
}
void mutex_that_a_stop_request_does_not_end() {
  play([](cast& all) {
    static thrum::mutex m;
    static thrum::latch held(1);
    all.act("holder", [c = channel()] {
      const std::lock_guard hold(m);
      held.count_down();
      receive(c);
    });
    held.wait();
    all.act("asked", [] { const std::lock_guard hold(m); }).request_stop();
  });
}
void shared_mutex_ab_ba() {
  play([](cast& all) {
    static thrum::shared_mutex a, b;
    static thrum::latch both(2);
    all.act("left", [] { lock_both(a, b, both); });
    all.act("right", [] { lock_both(b, a, both); });
  });
}
void upgrade_by_a_reader() {
  play([](cast& all) {
    static thrum::shared_mutex m;
    all.act("upgrader", [] {
      const std::shared_lock reading(m);
      const std::unique_lock writing(m);
    });
  });
}
void two_upgrading_readers() {
  play([](cast& all) {
    static thrum::shared_mutex m;
    static thrum::latch both(2);
    const auto upgrade = [] {
      const std::shared_lock reading(m);
      meet(both);
      const std::unique_lock writing(m);
    };
    all.act("left", upgrade);
    all.act("right", upgrade);
  });
}
void reader_behind_a_waiting_writer() {
  play([](cast& all) {
    static thrum::shared_mutex m;
    static thrum::latch read(1);
    all.act("reader", [] {
      const std::shared_lock once(m);
      read.count_down();
      for (; m.try_lock_shared(); thrum::this_fiber::yield()) m.unlock_shared(); // until the writer waits
      const std::shared_lock again(m);
    });
    all.act("writer", [] {
      read.wait();
      const std::unique_lock hold(m);
    });
  });
}

// ---- conditions

void lost_notify() {
  play([](cast& all) {
    static thrum::mutex m;
    static thrum::condition_variable changed;
    changed.notify_one(); // before anybody waits, and nothing says that it was
    all.act("waiter", [] {
      std::unique_lock hold(m);
      changed.wait(hold);
    });
  });
}
void condition_under_two_mutexes() {
  play([](cast& all) {
    static thrum::mutex outer, inner;
    static thrum::condition_variable changed;
    static thrum::latch waits(1);
    all.act("waiter", [] {
      const std::lock_guard first(outer);
      std::unique_lock second(inner);
      waits.count_down();
      changed.wait(second); // gives up one of them
    });
    all.act("changer", [] {
      waits.wait();
      const std::lock_guard first(outer);
      changed.notify_one();
    });
  });
}

// ---- counts

void wait_group_one_short() {
  play([](cast& all) {
    static thrum::wait_group group;
    group.add(4);
    for (int i = 0; i < 3; ++i) thrum::go([] { group.done(); });
    all.act("collector", [] { group.wait(); });
  });
}
void wait_group_of_oneself() {
  play([](cast&) {
    static thrum::wait_group group;
    const auto here = std::source_location::current();
    deadlock::announce("member", here);
    group.go({.name = "member"}, [] { group.wait(); }, here);
    group.wait();
  });
}
void latch_one_short() {
  play([](cast& all) {
    static thrum::latch ready(4);
    for (int i = 0; i < 3; ++i) thrum::go([] { ready.count_down(); });
    all.act("starter", [] { ready.wait(); });
  });
}
void barrier_one_short() {
  play([](cast& all) {
    static thrum::barrier<> step(4);
    for (int i = 0; i < 3; ++i) all.act("walker", [] { step.arrive_and_wait(); });
  });
}
void barrier_that_one_leaves_without_a_word() {
  play([](cast& all) {
    static thrum::barrier<> step(2);
    all.act("stayer", [] {
      for (int i = 0; i < 5; ++i) step.arrive_and_wait();
    });
    all.act("leaver", [] {
      for (int i = 0; i < 3; ++i) step.arrive_and_wait();
    });
  });
}
void semaphore_never_released() {
  play([](cast& all) {
    static thrum::counting_semaphore<> slots(2);
    for (int i = 0; i < 2; ++i) thrum::spawn([] { slots.acquire(); }).join();
    all.act("third", [] { slots.acquire(); });
  });
}
void semaphores_ab_ba() {
  play([](cast& all) {
    static thrum::binary_semaphore a(1), b(1);
    static thrum::latch both(2);
    const auto acquire_both = [](thrum::binary_semaphore& first, thrum::binary_semaphore& second) {
      first.acquire();
      meet(both);
      second.acquire();
    };
    all.act("left", [=] { acquire_both(a, b); });
    all.act("right", [=] { acquire_both(b, a); });
  });
}

// ---- fibers that wait for fibers

void lost_join() {
  play([](cast& all) {
    const channel c;
    all.act("child", [c] { receive(c); }).join();
    c.send(1);
  });
}
void join_ring() {
  play([](cast& all) {
    static thrum::fiber<>*first, *second;
    static thrum::latch known(1);
    first = &all.act("first", [] {
      known.wait();
      second->join();
    });
    second = &all.act("second", [] {
      known.wait();
      first->join();
    });
    known.count_down();
    thrum::latch(1).wait();
  });
}
void mutex_against_join() {
  play([](cast& all) {
    static thrum::mutex m;
    all.act("parent", [] {
      const std::lock_guard hold(m);
      cast mine;
      mine.act("child", [] { const std::lock_guard wanted(m); });
      mine.join();
    });
  });
}
void call_once_cross() {
  play([](cast& all) {
    static thrum::once_flag a, b;
    static thrum::latch both(2);
    const auto call_both = [](thrum::once_flag& mine, thrum::once_flag& other) {
      thrum::call_once(mine, [&] {
        meet(both);
        thrum::call_once(other, [] {});
      });
    };
    all.act("left", [=] { call_both(a, b); });
    all.act("right", [=] { call_both(b, a); });
  });
}
void call_once_of_a_function_that_waits() {
  play([](cast& all) {
    static thrum::once_flag flag;
    static thrum::latch begun(1);
    all.act("caller", [] {
      thrum::call_once(flag, [] {
        begun.count_down();
        receive(channel());
      });
    });
    begun.wait();
    all.act("late", [] { thrum::call_once(flag, [] {}); });
  });
}
void destructor_that_waits_for_a_deaf_fiber() {
  play([](cast& all) {
    static thrum::mutex m;
    m.lock();
    all.act("owner",
            [] {
              cast child; // a handle that is dropped
              child.act("deaf", [] { const std::lock_guard hold(m); });
            })
        .join();
  });
}

// ---- runtimes and threads

void two_runtimes_that_wait_for_each_other() {
  const channel a;
  const channel b;
  thrum::runtime one({.processors = 1, .name = "one"});
  thrum::runtime other({.processors = 1, .name = "other"});
  cast here(&one);
  cast there(&other);
  here.act("here", [=] {
    receive(a);
    b.send(1);
  });
  there.act("there", [=] {
    receive(b);
    a.send(1);
  });
  here.join();
}
void default_runtime() {
  cast all;
  all.act("consumer", [c = channel()] { receive(c); });
  all.join();
}
void thread_and_fiber() {
  const channel a;
  const channel b;
  std::thread([=] {
    ::pthread_setname_np(::pthread_self(), "partner");
    receive(a);
    b.send(1);
  }).detach();
  play([=](cast& all) {
    all.act("fiber", [=] {
      receive(b);
      a.send(1);
    });
  });
}
void ten_threads_that_wait_for_one_fiber() {
  static thrum::latch all_here(11);
  static channel never;
  for (int i = 0; i < 10; ++i)
    std::thread([] {
      ::pthread_setname_np(::pthread_self(), "client");
      all_here.count_down();
      receive(never);
    }).detach();
  play([](cast& all) {
    all.act("server", [] {
      all_here.arrive_and_wait();
      receive(channel());
    });
  });
}
void first_thread_has_ended() {
  cast* all = new cast; // never joined: its thread is gone
  all->act("consumer", [c = channel()] { receive(c); });
  ::pthread_exit(nullptr);
}

// ---- after something else

void timed_waits_and_then_an_endless_one() {
  play([](cast& all) {
    all.act("patient", [] {
      const channel c;
      for (int i = 0; i < 3; ++i) static_cast<void>(c.recv_for(20ms));
      static_cast<void>(thrum::select(thrum::recv(c), thrum::after(20ms)));
      receive(c);
    });
  });
}
void blocked_for_a_while_and_then_for_ever() {
  play([](cast& all) {
    all.act("sleeper", [] {
      ::usleep(150'000);
      receive(channel());
    });
  });
}
void timer_that_was_stopped() {
  play([](cast& all) {
    all.act("patient", [] {
      const channel c(1);
      thrum::timer t(1h, [c] { c.send(1); });
      t.stop();
      receive(c);
    });
  });
}
void ticker_that_was_stopped() {
  play([](cast& all) {
    all.act("clock", [] {
      thrum::ticker every(5ms);
      static_cast<void>(every.recv());
      every.stop();
      static_cast<void>(every.recv());
    });
  });
}
void beside_a_listener_that_nobody_asks() {
  const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0");
  play([](cast& all) { all.act("consumer", [c = channel()] { receive(c); }); });
}
void after_a_thread_has_ended() {
  play([](cast& all) {
    all.act("consumer", [c = channel()] {
      std::thread([] { std::this_thread::sleep_for(20ms); }).join();
      receive(c);
    });
    std::thread([] { std::this_thread::sleep_for(300ms); }).detach();
  });
}

struct planted {
  const char* name;
  void (*make)();
};

#define THRUM_PLANTED(name) {#name, &name}
constexpr planted cases[] = {
    THRUM_PLANTED(receive_that_nobody_sends),
    THRUM_PLANTED(send_that_nobody_receives),
    THRUM_PLANTED(send_into_a_full_buffer),
    THRUM_PLANTED(receive_from_nil),
    THRUM_PLANTED(send_to_nil),
    THRUM_PLANTED(receive_of_a_pinned_fiber),
    THRUM_PLANTED(main_alone),
    THRUM_PLANTED(send_and_receive_in_one_fiber),
    THRUM_PLANTED(forgotten_close),
    THRUM_PLANTED(reply_to_the_wrong_channel),
    THRUM_PLANTED(ring_of_channels),
    THRUM_PLANTED(worker_pool_whose_results_nobody_reads),
    THRUM_PLANTED(consumer_of_a_producer_that_threw),
    THRUM_PLANTED(pipeline_whose_last_stage_ends_early),
    THRUM_PLANTED(three_of_a_hundred_stuck),
    THRUM_PLANTED(after_a_thousand_that_ended),
    THRUM_PLANTED(select_of_unused_channels),
    THRUM_PLANTED(select_of_nil_channels),
    THRUM_PLANTED(select_of_nothing),
    THRUM_PLANTED(two_selects_that_both_send),
    THRUM_PLANTED(select_for_the_end_of_a_stuck_fiber),
    THRUM_PLANTED(ab_ba),
    THRUM_PLANTED(ring_of_three_mutexes),
    THRUM_PLANTED(dining_philosophers),
    THRUM_PLANTED(recursive_ab_ba),
    THRUM_PLANTED(mutex_whose_holder_has_ended),
    THRUM_PLANTED(mutex_held_across_a_receive),
    THRUM_PLANTED(mutex_that_a_stop_request_does_not_end),
    THRUM_PLANTED(shared_mutex_ab_ba),
    THRUM_PLANTED(upgrade_by_a_reader),
    THRUM_PLANTED(two_upgrading_readers),
    THRUM_PLANTED(reader_behind_a_waiting_writer),
    THRUM_PLANTED(lost_notify),
    THRUM_PLANTED(condition_under_two_mutexes),
    THRUM_PLANTED(wait_group_one_short),
    THRUM_PLANTED(wait_group_of_oneself),
    THRUM_PLANTED(latch_one_short),
    THRUM_PLANTED(barrier_one_short),
    THRUM_PLANTED(barrier_that_one_leaves_without_a_word),
    THRUM_PLANTED(semaphore_never_released),
    THRUM_PLANTED(semaphores_ab_ba),
    THRUM_PLANTED(lost_join),
    THRUM_PLANTED(join_ring),
    THRUM_PLANTED(mutex_against_join),
    THRUM_PLANTED(call_once_cross),
    THRUM_PLANTED(call_once_of_a_function_that_waits),
    THRUM_PLANTED(destructor_that_waits_for_a_deaf_fiber),
    THRUM_PLANTED(two_runtimes_that_wait_for_each_other),
    THRUM_PLANTED(default_runtime),
    THRUM_PLANTED(thread_and_fiber),
    THRUM_PLANTED(ten_threads_that_wait_for_one_fiber),
    THRUM_PLANTED(first_thread_has_ended),
    THRUM_PLANTED(timed_waits_and_then_an_endless_one),
    THRUM_PLANTED(blocked_for_a_while_and_then_for_ever),
    THRUM_PLANTED(timer_that_was_stopped),
    THRUM_PLANTED(ticker_that_was_stopped),
    THRUM_PLANTED(beside_a_listener_that_nobody_asks),
    THRUM_PLANTED(after_a_thread_has_ended),
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 2)
    for (const planted& p : cases)
      if (std::strcmp(p.name, argv[1]) == 0) {
        p.make();
        std::fprintf(stderr, "the deadlock has gone by\n");
        return 0;
      }
  std::fprintf(stderr, "usage: planted NAME, with a NAME of the list at the end of planted.cc\n");
  return 2;
}
