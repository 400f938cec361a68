// Programs that look like a deadlock for a while, and are none: `clean NAME` runs one. It has to end by itself, with nothing on
// standard error (clean_test.cc). "A while" is a time in which the finder has looked some times: it begins 50 ms after a runtime
// has become idle.
#include "support/scale.h"

#include <thrum/io/ready.h>
#include <thrum/net/tcp.h>
#include <thrum/task.h>
#include <thrum/thrum.h>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <shared_mutex>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using channel = thrum::chan<int>;

constexpr auto a_while = 300ms;

template <class F> void play(F f, unsigned processors = 2) {
  thrum::run(f, {.processors = processors, .name = "clean"});
}

void receive(const channel& c) { static_cast<void>(c.recv()); }

// Fibers that wait until this object dies.
class crowd {
public:
  explicit crowd(int n = 10) {
    for (int i = 0; i < n; ++i) all_.go([c = never_] { receive(c); });
  }
  ~crowd() {
    never_.close();
    all_.wait();
  }

private:
  channel never_;
  thrum::wait_group all_;
};

void compute_for(std::chrono::milliseconds time) {
  for (const auto end = steady_clock::now() + time; steady_clock::now() < end;) {}
}

// ---- time

void one_sleeps() {
  play([] {
    const crowd others;
    thrum::this_fiber::sleep_for(a_while);
  });
}
void sleepers_one_after_the_other() {
  play([] {
    const crowd others;
    channel baton;
    std::list<thrum::fiber<>> all;
    for (int i = 0; i < 4; ++i) {
      channel next;
      all.push_back(thrum::spawn([baton, next] {
        receive(baton);
        thrum::this_fiber::sleep_for(80ms);
        next.send(1);
      }));
      baton.send(1);
      baton = next;
    }
    receive(baton);
    for (auto& f : all) f.request_stop(); // those that have sent into nothing
  });
}
void timed_receives() {
  play([] {
    const crowd others;
    const channel c;
    for (int i = 0; i < 3; ++i) static_cast<void>(c.recv_for(100ms));
  });
}
void select_with_a_timeout() {
  play([] {
    const crowd others;
    const channel c;
    thrum::select(thrum::recv(c), thrum::send(c, 1), thrum::after(a_while));
  });
}
void selects_until_a_time_of_many() {
  play([] {
    const crowd others;
    thrum::wait_group all;
    const auto end = steady_clock::now() + a_while;
    for (int i = 0; i < 100; ++i) all.go([=] { thrum::select(thrum::recv(channel()), thrum::at(end)); });
    all.wait();
  });
}
void acquire_with_a_deadline() {
  play([] {
    const crowd others;
    thrum::counting_semaphore<> none(0);
    static_cast<void>(none.try_acquire_for(a_while));
  });
}
void condition_with_a_deadline() {
  play([] {
    const crowd others;
    thrum::mutex m;
    thrum::condition_variable changed;
    std::unique_lock hold(m);
    changed.wait_for(hold, a_while);
  });
}
void wait_group_with_a_deadline() {
  play([] {
    const crowd others;
    thrum::wait_group group;
    group.add();
    static_cast<void>(group.wait_for(a_while));
    group.done();
  });
}
void join_with_a_deadline() {
  play([] {
    const channel c;
    thrum::fiber<> child = thrum::spawn([c] { receive(c); });
    static_cast<void>(child.wait_for(a_while));
    c.close();
    child.join();
  });
}
void joins_in_a_ring_with_a_deadline() {
  play([] {
    thrum::fiber<> first, second;
    thrum::latch known(1);
    first = thrum::spawn([&] {
      known.wait();
      static_cast<void>(second.wait_for(a_while));
    });
    second = thrum::spawn([&] {
      known.wait();
      while (!first.wait_for(1h)) {}
    });
    known.count_down();
    second.join();
    first.join();
  });
}
void timer_that_wakes_all() {
  play([] {
    const channel c;
    const thrum::timer t(a_while, [c] { c.close(); });
    receive(c);
  });
}
void timer_that_is_put_off() {
  play([] {
    const channel c;
    thrum::timer t(100ms, [c] { c.close(); });
    thrum::timer again(50ms, [&] { t.reset(250ms); });
    receive(c);
  });
}
void ticker_that_wakes_one() {
  play([] {
    const crowd others;
    thrum::ticker every(100ms);
    for (int i = 0; i < 3; ++i) static_cast<void>(every.recv());
  });
}

// ---- plain threads

void thread_that_sleeps_and_sends() {
  play([] {
    const channel c;
    std::thread([c] {
      std::this_thread::sleep_for(a_while);
      c.send(1);
    }).detach();
    receive(c);
  });
}
void thread_that_was_here_before() {
  play([] {
    const channel c;
    std::thread([c] {
      c.send(1); // thrum knows it from now on
      std::this_thread::sleep_for(a_while);
      c.send(2);
    }).detach();
    receive(c);
    receive(c);
  });
}
void thread_that_waits_with_a_deadline() {
  play([] {
    const channel c;
    std::thread([c] {
      static_cast<void>(channel().recv_for(a_while));
      c.send(1);
    }).detach();
    receive(c);
  });
}
void thread_that_reads_a_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  play([=] {
    const channel c;
    std::thread([=] {
      char byte;
      if (::read(ends[0], &byte, 1) == 1) c.send(1);
    }).detach();
    std::thread([=] {
      std::this_thread::sleep_for(a_while);
      if (::write(ends[1], "x", 1) != 1) std::abort();
    }).detach();
    receive(c);
  });
}
void thread_on_a_standard_condition_variable() {
  static std::mutex m;
  static std::condition_variable changed;
  static bool told = false;
  play([] {
    const channel c;
    std::thread([c] {
      std::unique_lock hold(m);
      changed.wait(hold, [] { return told; });
      c.send(1);
    }).detach();
    std::thread([] {
      std::this_thread::sleep_for(a_while);
      const std::lock_guard hold(m);
      told = true;
      changed.notify_one();
    }).detach();
    receive(c);
  });
}
void thread_that_computes() {
  play([] {
    const channel c;
    std::thread([c] {
      compute_for(a_while);
      c.send(1);
    }).detach();
    receive(c);
  });
}
void thread_that_starts_another_and_ends() {
  play([] {
    const channel c;
    std::thread([c] {
      std::this_thread::sleep_for(a_while / 2);
      std::thread([c] {
        std::this_thread::sleep_for(a_while / 2);
        c.send(1);
      }).detach();
    }).detach();
    receive(c);
  });
}
void thread_that_holds_a_mutex() {
  static thrum::mutex m;
  static thrum::latch held(1);
  play([] {
    std::thread([] {
      const std::lock_guard hold(m);
      held.count_down();
      std::this_thread::sleep_for(a_while);
    }).detach();
    held.wait();
    const std::lock_guard hold(m);
  });
}
void thread_that_sends_at_its_very_end() {
  struct farewell {
    channel to;
    ~farewell() {
      std::this_thread::sleep_for(a_while);
      to.send(1);
    }
  };
  play([] {
    const channel c;
    std::thread([c] {
      static thread_local farewell last{c};
      last.to.send(1);
    }).detach();
    receive(c);
    receive(c);
  });
}
void async_of_the_standard_library() {
  play([] {
    const channel c;
    const auto done = std::async(std::launch::async, [c] {
      std::this_thread::sleep_for(a_while);
      c.send(1);
    });
    receive(c);
  });
}
void main_sleeps_beside_the_default_runtime() {
  const channel c;
  thrum::fiber<> waits = thrum::spawn([c] { receive(c); });
  std::this_thread::sleep_for(a_while);
  c.send(1);
  waits.join();
}
void main_joins_a_thread_beside_the_default_runtime() {
  const channel c;
  thrum::fiber<> waits = thrum::spawn([c] { receive(c); });
  std::thread([c] {
    std::this_thread::sleep_for(a_while);
    c.send(1);
  }).join();
  waits.join();
}
void first_thread_ends_and_fibers_work() {
  thrum::go([] {
    const crowd others;
    thrum::this_fiber::sleep_for(a_while);
    std::exit(0);
  });
  ::pthread_exit(nullptr);
}
void first_thread_ends_and_a_thread_works() {
  const channel c;
  thrum::go([c] {
    receive(c);
    std::exit(0);
  });
  std::thread([c] {
    std::this_thread::sleep_for(a_while);
    c.send(1);
  }).detach();
  ::pthread_exit(nullptr);
}
void program_that_ends_slowly() {
  static crowd* const waiting = new crowd; // of the default runtime
  static_cast<void>(waiting);
  std::atexit([] { std::this_thread::sleep_for(a_while); });
}

// ---- fibers that block or compute

void fiber_in_usleep() {
  play([] {
    const crowd others;
    ::usleep(300'000);
  });
}
void fiber_in_blocking() {
  play([] {
    const crowd others;
    thrum::blocking([] { ::usleep(300'000); });
  });
}
void fiber_that_computes() {
  play([] {
    const crowd others;
    compute_for(a_while);
  });
}
void fiber_that_yields() {
  play([] {
    const crowd others;
    for (const auto end = steady_clock::now() + a_while; steady_clock::now() < end;)
      thrum::this_fiber::yield();
  });
}
void fiber_that_joins_a_thread() {
  play([] {
    const crowd others;
    std::thread([] { std::this_thread::sleep_for(a_while); }).join();
  });
}
void fiber_in_a_standard_mutex() {
  static std::mutex m;
  play([] {
    const crowd others;
    thrum::latch held(1);
    thrum::wait_group all;
    all.go([&] {
      const std::lock_guard hold(m);
      held.count_down();
      ::usleep(300'000);
    });
    held.wait();
    const std::lock_guard hold(m);
  });
}
void sixteen_fibers_in_poll() {
  play([] {
    const crowd others;
    thrum::wait_group all;
    for (int i = 0; i < 16; ++i) all.go([] { ::poll(nullptr, 0, 300); });
    all.wait();
  });
}
void fiber_that_reads_a_child() {
  play([] {
    const crowd others;
    std::FILE* child = ::popen("sleep 0.3; echo done", "r");
    char text[16];
    if (child == nullptr || std::fgets(text, sizeof text, child) == nullptr) std::abort();
    ::pclose(child);
  });
}
void fiber_that_waits_for_a_forked_child() {
  play([] {
    const crowd others;
    const pid_t child = ::fork();
    if (child == 0) {
      ::usleep(300'000);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
  });
}

// ---- signals

int alarm_pipe[2];
void tell_alarm_pipe(int) {
  if (::write(alarm_pipe[1], "x", 1) != 1) ::_exit(9);
}
void mask_alarms(int how) {
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  ::pthread_sigmask(how, &alarms, nullptr);
}
void set_alarm() {
  const itimerval once{{0, 0}, {0, 300'000}};
  ::setitimer(ITIMER_REAL, &once, nullptr);
}
// Called by main, so that all other threads have the signal blocked.
void prepare_alarm() {
  if (::pipe(alarm_pipe) != 0) std::abort();
  mask_alarms(SIG_BLOCK);
  struct sigaction action{};
  action.sa_handler = &tell_alarm_pipe;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
}
void read_alarm() {
  mask_alarms(
      SIG_UNBLOCK); // the thread sanitizer hands a signal on where it sees that the thread blocks: here
  set_alarm();
  char byte;
  if (::read(alarm_pipe[0], &byte, 1) != 1) std::abort();
}
void fiber_that_reads_what_a_signal_handler_writes() {
  prepare_alarm();
  play([] {
    const crowd others;
    read_alarm();
  });
}
void thread_that_reads_what_a_signal_handler_writes() {
  prepare_alarm();
  play([] {
    const channel c;
    std::thread([c] {
      read_alarm();
      c.send(1);
    }).detach();
    receive(c);
  });
}
void thread_that_waits_for_signals() {
  mask_alarms(SIG_BLOCK);
  play([] {
    const channel c;
    set_alarm();
    std::thread([=] {
      sigset_t alarms;
      sigemptyset(&alarms);
      sigaddset(&alarms, SIGALRM);
      int number = 0;
      ::sigwait(&alarms, &number);
      c.send(number);
    }).detach();
    receive(c);
  });
}
channel* from_timer = nullptr;
[[maybe_unused]] void timer_of_the_system_with_a_thread() {
  from_timer = new channel;
  play([] {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = [](sigval) { from_timer->send(1); };
    timer_t timer;
    const itimerspec once{{0, 0}, {0, 300'000'000}};
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        ::timer_settime(timer, 0, &once, nullptr) != 0)
      std::abort();
    receive(*from_timer);
  });
}
void finder_that_is_off() {
  struct sigaction action{};
  action.sa_handler = [](int) { ::_exit(0); };
  ::sigaction(SIGALRM, &action, nullptr);
  set_alarm();
  thrum::run([] { receive(channel()); }, {.processors = 2, .find_deadlocks = false});
}

// ---- sockets

// Connects to a port of this machine, as a program without thrum does.
int connect_to(std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) ::_exit(9);
  return fd;
}
template <class F> void with_listener(F f) {
  play([&] {
    const crowd others;
    const auto listener = thrum::net::tcp_listener::listen("127.0.0.1:0").value();
    f(listener, listener.local_address().value().port());
  });
}
void accept_that_a_thread_ends() {
  with_listener([](const thrum::net::tcp_listener& listener, std::uint16_t port) {
    std::thread later([=] {
      std::this_thread::sleep_for(a_while);
      ::close(connect_to(port));
    });
    if (!listener.accept()) std::abort();
    later.join();
  });
}
void accept_that_a_child_process_ends() {
  with_listener([](const thrum::net::tcp_listener& listener, std::uint16_t port) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::usleep(300'000);
      connect_to(port);
      ::_exit(0);
    }
    if (!listener.accept()) std::abort();
    int status = 0;
    ::waitpid(child, &status, 0);
  });
}
void accept_in_a_select() {
  with_listener([](const thrum::net::tcp_listener& listener, std::uint16_t port) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::usleep(300'000);
      connect_to(port);
      ::_exit(0);
    }
    const channel never;
    if (thrum::select(thrum::recv(never), thrum::readable(listener)) != 1) std::abort();
    int status = 0;
    ::waitpid(child, &status, 0);
  });
}
void read_that_a_child_process_ends() {
  with_listener([](const thrum::net::tcp_listener& listener, std::uint16_t port) {
    const pid_t child = ::fork();
    if (child == 0) {
      const int fd = connect_to(port);
      ::usleep(300'000);
      static_cast<void>(!::write(fd, "x", 1));
      ::_exit(0);
    }
    const auto stream = listener.accept().value();
    char byte;
    if (!stream.read_some({&byte, 1})) std::abort();
    int status = 0;
    ::waitpid(child, &status, 0);
  });
}
void read_with_a_deadline() {
  with_listener([](const thrum::net::tcp_listener& listener, std::uint16_t port) {
    const int fd = connect_to(port);
    const auto stream = listener.accept().value();
    char byte;
    if (stream.read_some({&byte, 1}, a_while)) std::abort();
    ::close(fd);
  });
}
[[maybe_unused]] void no_descriptor_is_left() {
  play([] {
    const channel c;
    std::thread([c] {
      std::this_thread::sleep_for(a_while);
      c.send(1);
    }).detach();
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &none);
    receive(c);
  });
}

// ---- locks and joins

void ab_ba_with_deadlines() {
  play([] {
    thrum::mutex a, b;
    thrum::latch both(2);
    const auto lock_both = [&](thrum::mutex& mine, thrum::mutex& other, std::chrono::milliseconds patience) {
      const std::lock_guard hold(mine);
      both.arrive_and_wait();
      if (other.try_lock_for(patience)) other.unlock();
    };
    thrum::fiber<> left = thrum::spawn([&] { lock_both(a, b, a_while); });
    thrum::fiber<> right = thrum::spawn([&] { lock_both(b, a, 2 * a_while); });
    left.join();
    right.join();
  });
}
void upgrade_with_a_deadline() {
  play([] {
    thrum::shared_mutex m;
    const std::shared_lock reading(m);
    if (m.try_lock_for(a_while)) std::abort();
  });
}
void a_long_holder() {
  play([] {
    thrum::mutex m;
    std::unique_lock hold(m);
    thrum::wait_group all;
    for (int i = 0; i < 20; ++i) all.go([&] { const std::lock_guard mine(m); });
    thrum::this_fiber::sleep_for(a_while);
    hold.unlock();
    all.wait();
  });
}
void recursive_long_holder() {
  play([] {
    thrum::recursive_mutex m;
    thrum::wait_group all;
    {
      const std::lock_guard outer(m);
      const std::lock_guard inner(m);
      all.go([&] { const std::lock_guard mine(m); });
      thrum::this_fiber::sleep_for(a_while);
    }
    all.wait();
  });
}
void chain_of_fifty_mutexes() {
  play([] {
    std::vector<thrum::mutex> m(51);
    thrum::latch ready(50);
    thrum::wait_group all;
    std::unique_lock last(m[50]);
    for (std::size_t i = 0; i < 50; ++i)
      all.go([&, i] {
        const std::lock_guard mine(m[i]);
        ready.arrive_and_wait();
        const std::lock_guard next(m[i + 1]);
      });
    thrum::this_fiber::sleep_for(a_while);
    last.unlock();
    all.wait();
  });
}
void chain_of_fifty_joins() {
  play([] {
    thrum::fiber<> last = thrum::spawn([] { thrum::this_fiber::sleep_for(a_while); });
    for (int i = 0; i < 50; ++i) last = thrum::spawn([before = std::move(last)]() mutable { before.join(); });
    last.join();
  });
}
void scoped_locks_in_opposite_orders() {
  play([] {
    thrum::mutex a, b;
    const auto end = steady_clock::now() + 500ms;
    thrum::wait_group all;
    for (int i = 0; i < 8; ++i)
      all.go([&, i] {
        while (steady_clock::now() < end) {
          if (i % 2 == 0) {
            const std::scoped_lock hold(a, b);
          } else {
            const std::scoped_lock hold(b, a);
          }
        }
      });
    all.wait();
  });
}
void mutexes_in_one_order_at_full_speed() {
  play(
      [] {
        thrum::mutex m[3];
        const auto end = steady_clock::now() + 500ms;
        thrum::wait_group all;
        for (int i = 0; i < 8; ++i)
          all.go([&] {
            while (steady_clock::now() < end) {
              const std::lock_guard first(m[0]);
              const std::lock_guard second(m[1]);
              thrum::this_fiber::yield(); // others come and wait
              const std::lock_guard third(m[2]);
            }
          });
        all.wait();
      },
      4);
}
void ping_pong_at_full_speed() {
  play([] {
    thrum::mutex m;
    thrum::condition_variable changed;
    int turn = 0;
    const auto end = steady_clock::now() + a_while;
    const auto player = [&](int me) {
      std::unique_lock hold(m);
      while (steady_clock::now() < end) {
        changed.wait(hold, [&] { return turn == me; });
        turn = 1 - me;
        changed.notify_one();
      }
      turn = 1 - me;
      changed.notify_one();
    };
    thrum::fiber<> one = thrum::spawn([&] { player(0); });
    thrum::fiber<> other = thrum::spawn([&] { player(1); });
    one.join();
    other.join();
  });
}
void readers_and_writers() {
  play([] {
    thrum::shared_mutex m;
    const auto end = steady_clock::now() + a_while;
    thrum::wait_group all;
    for (int i = 0; i < 6; ++i)
      all.go([&, i] {
        while (steady_clock::now() < end) {
          if (i < 2) {
            const std::unique_lock writing(m);
            thrum::this_fiber::yield();
          } else {
            const std::shared_lock reading(m);
            thrum::this_fiber::yield();
          }
        }
      });
    all.wait();
  });
}
void once_with_a_slow_function() {
  play([] {
    thrum::once_flag flag;
    thrum::wait_group all;
    for (int i = 0; i < 10; ++i)
      all.go([&] { thrum::call_once(flag, [] { thrum::this_fiber::sleep_for(a_while); }); });
    all.wait();
  });
}
void barrier_with_a_slow_one() {
  play([] {
    thrum::barrier<> step(10);
    thrum::wait_group all;
    for (int i = 0; i < 10; ++i)
      all.go([&, i] {
        for (int t = 0; t < 3; ++t) {
          if (i == 0) thrum::this_fiber::sleep_for(100ms);
          step.arrive_and_wait();
        }
      });
    all.wait();
  });
}
void latch_that_a_blocked_fiber_counts_down() {
  play([] {
    thrum::latch ready(1);
    thrum::wait_group all;
    for (int i = 0; i < 10; ++i) all.go([&] { ready.wait(); });
    ::usleep(300'000);
    ready.count_down();
    all.wait();
  });
}

// ---- many, and runtimes

void a_thousand_that_are_woken_late() {
  play([] {
    const crowd others(1'000);
    thrum::this_fiber::sleep_for(a_while);
  });
}
thrum::task<int> receive_later(channel c) { co_return (co_await c.async_recv()).value(); }

// The last fiber waits for a coroutine, which a plain thread wakes.
void coroutine_that_a_thread_wakes() {
  play([] {
    const channel c;
    std::thread later([c] {
      std::this_thread::sleep_for(a_while);
      c.send(1);
    });
    thrum::await(receive_later(c));
    later.join();
  });
}

void spawned_coroutine_that_a_thread_wakes() {
  play([] {
    const channel c;
    std::thread later([c] {
      std::this_thread::sleep_for(a_while);
      c.send(1);
    });
    thrum::spawn(receive_later(c)).join();
    later.join();
  });
}

void coroutine_that_sleeps() {
  play([] {
    const auto sleeps = []() -> thrum::task<> { co_await thrum::async_sleep_for(a_while); };
    thrum::await(sleeps());
    thrum::spawn(sleeps()).join();
  });
}

void coroutine_that_blocks_and_sleeps() {
  play([] {
    const auto sleeps = []() -> thrum::task<> {
      co_await thrum::async_sleep_for(1ms);
      thrum::this_fiber::sleep_for(a_while);
    };
    thrum::await(sleeps());
  });
}

void fibers_that_come_and_go() {
  play([] {
    const crowd others(100);
    for (const auto end = steady_clock::now() + a_while; steady_clock::now() < end;) {
      thrum::wait_group all;
      for (int i = 0; i < 100; ++i) all.go([] { thrum::this_fiber::yield(); });
      all.wait();
    }
  });
}
void ring_of_channels_at_full_speed() {
  play([] {
    std::vector<channel> ring(100);
    thrum::wait_group all;
    for (std::size_t i = 1; i < 100; ++i)
      all.go([&, i] {
        for (const int v : ring[i - 1]) ring[i].send(v);
        ring[i].close();
      });
    for (const auto end = steady_clock::now() + a_while; steady_clock::now() < end;) {
      ring[0].send(1);
      receive(ring[99]);
    }
    ring[0].close();
    all.wait();
  });
}
void stop_requests_to_those_who_wait() {
  play([] {
    std::vector<thrum::fiber<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(thrum::spawn([] { receive(channel()); }));
    thrum::this_fiber::sleep_for(a_while);
    for (auto& f : all) f.request_stop();
  });
}
void runtime_that_ends_while_fibers_wait() {
  play([] {
    for (int i = 0; i < 10; ++i) thrum::go([] { receive(channel()); });
    thrum::this_fiber::sleep_for(a_while);
  });
}
void runtime_that_drains_for_a_while() {
  play([] {
    thrum::go([] {
      struct slow {
        ~slow() { ::usleep(300'000); }
      } at_the_end;
      receive(channel());
    });
    thrum::this_fiber::yield();
  });
}
void two_runtimes_one_of_which_is_idle() {
  const thrum::runtime idle({.processors = 2, .name = "idle"});
  play([] {
    const crowd others;
    thrum::this_fiber::sleep_for(a_while);
  });
}
void two_runtimes_one_of_which_waits_for_the_other() {
  const channel c;
  thrum::runtime other({.processors = 1, .name = "other"});
  thrum::fiber<> waits = other.spawn([c] { receive(c); });
  play([c] {
    thrum::this_fiber::sleep_for(a_while);
    c.send(1);
  });
  waits.join();
}
void runtimes_that_come_and_go() {
  play([] {
    const crowd others(100);
    thrum::blocking([] {
      std::thread([] {
        for (const auto end = steady_clock::now() + a_while; steady_clock::now() < end;)
          thrum::run([] { thrum::spawn([] { thrum::this_fiber::yield(); }).join(); }, {.processors = 1});
      }).join();
    });
  });
}

struct clean {
  const char* name;
  void (*run)();
};

#define THRUM_CLEAN(name) {#name, &name}
constexpr clean cases[] = {
    THRUM_CLEAN(one_sleeps),
    THRUM_CLEAN(sleepers_one_after_the_other),
    THRUM_CLEAN(timed_receives),
    THRUM_CLEAN(select_with_a_timeout),
    THRUM_CLEAN(selects_until_a_time_of_many),
    THRUM_CLEAN(acquire_with_a_deadline),
    THRUM_CLEAN(condition_with_a_deadline),
    THRUM_CLEAN(wait_group_with_a_deadline),
    THRUM_CLEAN(join_with_a_deadline),
    THRUM_CLEAN(joins_in_a_ring_with_a_deadline),
    THRUM_CLEAN(timer_that_wakes_all),
    THRUM_CLEAN(timer_that_is_put_off),
    THRUM_CLEAN(ticker_that_wakes_one),
    THRUM_CLEAN(thread_that_sleeps_and_sends),
    THRUM_CLEAN(thread_that_was_here_before),
    THRUM_CLEAN(thread_that_waits_with_a_deadline),
    THRUM_CLEAN(thread_that_reads_a_pipe),
    THRUM_CLEAN(thread_on_a_standard_condition_variable),
    THRUM_CLEAN(thread_that_computes),
    THRUM_CLEAN(thread_that_starts_another_and_ends),
    THRUM_CLEAN(thread_that_holds_a_mutex),
    THRUM_CLEAN(thread_that_sends_at_its_very_end),
    THRUM_CLEAN(async_of_the_standard_library),
    THRUM_CLEAN(main_sleeps_beside_the_default_runtime),
    THRUM_CLEAN(main_joins_a_thread_beside_the_default_runtime),
    THRUM_CLEAN(first_thread_ends_and_fibers_work),
    THRUM_CLEAN(first_thread_ends_and_a_thread_works),
    THRUM_CLEAN(program_that_ends_slowly),
    THRUM_CLEAN(fiber_in_usleep),
    THRUM_CLEAN(fiber_in_blocking),
    THRUM_CLEAN(fiber_that_computes),
    THRUM_CLEAN(fiber_that_yields),
    THRUM_CLEAN(fiber_that_joins_a_thread),
    THRUM_CLEAN(fiber_in_a_standard_mutex),
    THRUM_CLEAN(sixteen_fibers_in_poll),
    THRUM_CLEAN(fiber_that_reads_a_child),
    THRUM_CLEAN(fiber_that_waits_for_a_forked_child),
    THRUM_CLEAN(fiber_that_reads_what_a_signal_handler_writes),
    THRUM_CLEAN(thread_that_reads_what_a_signal_handler_writes),
    THRUM_CLEAN(thread_that_waits_for_signals),
#if !THRUM_TEST_TSAN // it does not know the threads that the C library starts by itself, and crashes
    THRUM_CLEAN(timer_of_the_system_with_a_thread),
#endif
    THRUM_CLEAN(finder_that_is_off),
    THRUM_CLEAN(accept_that_a_thread_ends),
    THRUM_CLEAN(accept_that_a_child_process_ends),
    THRUM_CLEAN(accept_in_a_select),
    THRUM_CLEAN(read_that_a_child_process_ends),
    THRUM_CLEAN(read_with_a_deadline),
#if !THRUM_TEST_ASAN // it needs some itself
    THRUM_CLEAN(no_descriptor_is_left),
#endif
    THRUM_CLEAN(ab_ba_with_deadlines),
    THRUM_CLEAN(upgrade_with_a_deadline),
    THRUM_CLEAN(a_long_holder),
    THRUM_CLEAN(recursive_long_holder),
    THRUM_CLEAN(chain_of_fifty_mutexes),
    THRUM_CLEAN(chain_of_fifty_joins),
    THRUM_CLEAN(scoped_locks_in_opposite_orders),
    THRUM_CLEAN(mutexes_in_one_order_at_full_speed),
    THRUM_CLEAN(ping_pong_at_full_speed),
    THRUM_CLEAN(readers_and_writers),
    THRUM_CLEAN(once_with_a_slow_function),
    THRUM_CLEAN(barrier_with_a_slow_one),
    THRUM_CLEAN(latch_that_a_blocked_fiber_counts_down),
    THRUM_CLEAN(a_thousand_that_are_woken_late),
    THRUM_CLEAN(coroutine_that_a_thread_wakes),
    THRUM_CLEAN(spawned_coroutine_that_a_thread_wakes),
    THRUM_CLEAN(coroutine_that_sleeps),
    THRUM_CLEAN(coroutine_that_blocks_and_sleeps),
    THRUM_CLEAN(fibers_that_come_and_go),
    THRUM_CLEAN(ring_of_channels_at_full_speed),
    THRUM_CLEAN(stop_requests_to_those_who_wait),
    THRUM_CLEAN(runtime_that_ends_while_fibers_wait),
    THRUM_CLEAN(runtime_that_drains_for_a_while),
    THRUM_CLEAN(two_runtimes_one_of_which_is_idle),
    THRUM_CLEAN(two_runtimes_one_of_which_waits_for_the_other),
    THRUM_CLEAN(runtimes_that_come_and_go),
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    for (const clean& c : cases) std::printf("%s\n", c.name);
    return 0;
  }
  for (const clean& c : cases)
    if (std::strcmp(c.name, argv[1]) == 0) {
      c.run();
      return 0;
    }
  std::fprintf(stderr, "usage: clean [NAME], with a NAME of the list at the end of clean.cc\n");
  return 2;
}
