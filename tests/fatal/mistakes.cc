// The mistakes that end a program: `mistakes NAME` makes one of them. fatal_test.cc starts this program once for each and reads
// what it says when it dies.
//
// A function that starts the guilty fiber first tells the line it will do so on (standard output), so that the test can ask
// whether the report has found the place.
#include <thrum/thrum.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <signal.h>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <thrum/trace.h>
#include <unistd.h>
#include <utility>

namespace {

thrum::options one_processor() {
  thrum::options o;
  o.processors = 1;
  return o;
}

// "The next line starts the guilty fiber."
void guilty_line_follows(int line) {
  std::printf("%d\n", line + 1);
  std::fflush(stdout);
}

// Runs f in a detached fiber named 'guilty'; the program is expected to die of it.
template <class F> void in_a_detached_fiber(F f, const thrum::options& o = one_processor()) {
  thrum::run(
      [&] {
        guilty_line_follows(__LINE__);
        thrum::go({.name = "guilty"}, f);
        thrum::chan<int>(nullptr).send(1);
      },
      o);
}

void stay_parked() { static_cast<void>(thrum::chan<int>(nullptr).recv()); }

// ---- exceptions that nobody catches

void exception_leaves_a_detached_fiber() {
  in_a_detached_fiber([] { throw std::runtime_error("the dog ate it"); });
}
void number_leaves_a_detached_fiber() {
  in_a_detached_fiber([] { throw 7; });
}
void exception_leaves_a_wait_group() {
  thrum::run(
      [] {
        thrum::wait_group all;
        const auto guilty = [] { throw std::runtime_error("the dog ate it"); };
        guilty_line_follows(__LINE__);
        all.go({.name = "guilty"}, guilty);
        all.wait();
      },
      one_processor());
}
void exception_leaves_a_timer() {
  thrum::run(
      [] {
        using namespace std::chrono_literals;
        const auto guilty = [] { throw std::runtime_error("the dog ate it"); };
        guilty_line_follows(__LINE__);
        const thrum::timer soon(thrum::attrs{.name = "guilty"}, 1us, guilty);
        stay_parked();
      },
      one_processor());
}
void exception_leaves_the_handler() {
  thrum::options o = one_processor();
  o.on_unhandled = [](std::exception_ptr) { throw std::runtime_error("the handler, too"); };
  in_a_detached_fiber([] { throw std::runtime_error("the dog ate it"); }, o);
}
void exception_leaves_a_destructor_of_a_fiber() {
  struct bad {
    ~bad() noexcept(false) { throw std::runtime_error("second"); }
  };
  in_a_detached_fiber([] {
    const bad b;
    throw std::runtime_error("first");
  });
}
void exception_leaves_main() {
  guilty_line_follows(__LINE__);
  thrum::run([] { throw std::runtime_error("the dog ate it"); }, one_processor());
}
void exception_leaves_a_fiber_of_the_default_runtime() {
  const auto guilty = [] { throw std::runtime_error("the dog ate it"); };
  guilty_line_follows(__LINE__);
  thrum::go({.name = "guilty"}, guilty);
  stay_parked();
}
void exception_leaves_a_fiber_whose_handle_was_detached() {
  thrum::run(
      [] {
        const thrum::chan<int> detached;
        const auto guilty = [=] {
          static_cast<void>(detached.recv());
          throw std::runtime_error("the dog ate it");
        };
        guilty_line_follows(__LINE__);
        auto f = thrum::spawn({.name = "guilty"}, guilty);
        f.detach();
        detached.close();
        stay_parked();
      },
      one_processor());
}

// ---- channels

void send_on_closed() {
  in_a_detached_fiber([] {
    const thrum::chan<int> c;
    c.close();
    c.send(1);
  });
}
void send_on_closed_while_waiting() {
  in_a_detached_fiber([] {
    const thrum::chan<int> c;
    thrum::go([=] { c.close(); });
    c.send(1);
  });
}
void select_sends_on_closed() {
  in_a_detached_fiber([] {
    const thrum::chan<int> c;
    c.close();
    int value = 1;
    thrum::select(thrum::send(c, std::move(value)));
  });
}
void too_many_processors() {
  in_a_detached_fiber([] { thrum::runtime::current().set_processors(1025); });
}
void close_of_nil() {
  in_a_detached_fiber([] { thrum::chan<int>(nullptr).close(); });
}
void close_of_moved_from() {
  in_a_detached_fiber([] {
    thrum::chan<int> c;
    const thrum::chan<int> other = std::move(c);
    c.close(); // NOLINT(bugprone-use-after-move): that is the mistake
  });
}
void close_of_nil_on_a_thread() { thrum::chan<int>(nullptr).close(); }

// ---- handles

void join_twice() {
  in_a_detached_fiber([] {
    auto f = thrum::spawn([] {});
    f.join();
    f.join();
  });
}
void join_after_detach() {
  in_a_detached_fiber([] {
    auto f = thrum::spawn([] {});
    f.detach();
    f.join();
  });
}
void join_of_nothing() {
  in_a_detached_fiber([] { thrum::fiber<>().join(); });
}
void wait_for_nothing() {
  in_a_detached_fiber(
      [] { static_cast<void>(thrum::fiber<int>().wait_for(std::chrono::nanoseconds::zero())); });
}
// Hands a fiber its own handle.
template <class F> void with_its_own_handle(F f) {
  thrum::run(
      [&] {
        const thrum::chan<thrum::fiber<>*> handle;
        const auto guilty = [=] { f(**handle.recv()); };
        guilty_line_follows(__LINE__);
        thrum::fiber<> of_guilty = thrum::spawn({.name = "guilty"}, guilty);
        handle.send(&of_guilty);
        stay_parked();
      },
      one_processor());
}
void join_of_oneself() {
  with_its_own_handle([](thrum::fiber<>& myself) { myself.join(); });
}
void drop_of_ones_own_handle() {
  with_its_own_handle([](thrum::fiber<>& myself) { myself = thrum::fiber<>(); });
}
void detach_of_nothing() {
  in_a_detached_fiber([] { thrum::fiber<>().detach(); });
}
void detach_twice() {
  in_a_detached_fiber([] {
    auto f = thrum::spawn([] {});
    f.detach();
    f.detach();
  });
}

// ---- mutexes

void lock_twice() {
  in_a_detached_fiber([] {
    static thrum::mutex m;
    m.lock();
    m.lock();
  });
}
void blocking_pool_without_a_place() {
  in_a_detached_fiber([] { const thrum::blocking_pool none("none", 0); });
}
void blocking_pool_that_ends_in_its_call() {
  in_a_detached_fiber([] {
    auto pool = std::make_unique<thrum::blocking_pool>("short-lived");
    thrum::blocking(*pool, [&] { pool.reset(); });
  });
}
void stop_a_recording_twice() {
  in_a_detached_fiber([] {
    thrum::trace::recording r;
    static_cast<void>(r.stop());
    static_cast<void>(r.stop());
  });
}
void lock_twice_on_a_thread() {
  static thrum::mutex m;
  m.lock();
  m.lock();
}
void select_of_ones_own_lock() {
  in_a_detached_fiber([] {
    static thrum::mutex m;
    const thrum::chan<int> never;
    m.lock();
    thrum::select(thrum::recv(never), thrum::lock(m));
  });
}
void unlock_of_unlocked() {
  in_a_detached_fiber([] {
    static thrum::mutex m;
    m.unlock();
  });
}
void unlock_twice() {
  in_a_detached_fiber([] {
    static thrum::mutex m;
    m.lock();
    m.unlock();
    m.unlock();
  });
}
void unlock_of_anothers() {
  in_a_detached_fiber([] {
    static thrum::mutex m;
    thrum::spawn([] { m.lock(); }).join();
    m.unlock();
  });
}
void unlock_of_a_threads() {
  in_a_detached_fiber([] {
    static thrum::mutex m;
    std::atomic<bool> locked{false};
    std::thread holder([&] {
      m.lock();
      locked = true;
      ::pause();
    });
    while (!locked) thrum::this_fiber::yield();
    m.unlock();
  });
}
void destroy_of_locked() {
  in_a_detached_fiber([] {
    thrum::mutex m;
    m.lock();
  });
}

// ---- the runtime

void run_inside_a_fiber() {
  in_a_detached_fiber([] { thrum::run([] {}); });
}
void run_of_a_runtime_inside_a_fiber() {
  in_a_detached_fiber([] {
    thrum::runtime r;
    r.run([] {});
  });
}
// A mistake that does not end the program: it is told, and the program goes on.
void fibers_that_do_not_stop() {
  static std::atomic<bool> computing{false};
  thrum::options o;
  o.processors = 2;
  o.name = "stubborn";
  o.drain = std::chrono::milliseconds(1);
  thrum::run(
      [] {
        const auto guilty = [] {
          computing = true;
          for (;;) thrum::this_fiber::yield();
        };
        guilty_line_follows(__LINE__);
        thrum::go({.name = "guilty"}, guilty);
        while (!computing) thrum::this_fiber::yield();
      },
      o);
  std::fflush(stdout);
  ::_exit(0);
}

// ---- stacks and faults

volatile char sink;
volatile bool deeper = true;

[[gnu::noinline]] std::size_t recurse(std::size_t depth) {
  volatile char frame[256];
  frame[depth % sizeof frame] = static_cast<char>(depth);
  const std::size_t below = deeper ? recurse(depth + 1) : depth;
  sink = frame[depth % sizeof frame];
  return below + 1;
}
// Touches no byte on the way: only a guard as large as the frame catches it.
[[gnu::noinline]] void one_large_frame() {
  volatile char frame[30'000];
  frame[0] = 1;
  sink = frame[0];
  if (deeper) one_large_frame();
  sink = frame[1];
}

void overflow_in_a_detached_fiber() {
  in_a_detached_fiber([] { recurse(0); });
}
void overflow_in_a_joined_fiber() {
  thrum::run(
      [] {
        const auto guilty = [] { return recurse(0); };
        guilty_line_follows(__LINE__);
        auto f = thrum::spawn({.name = "guilty"}, guilty);
        f.join();
      },
      one_processor());
}
void overflow_of_large_frames() {
  in_a_detached_fiber([] { one_large_frame(); });
}
template <std::size_t bytes> void overflow_of_size() {
  thrum::run(
      [] {
        const auto guilty = [] { recurse(0); };
        guilty_line_follows(__LINE__);
        thrum::go({.name = "guilty", .stack = bytes}, guilty);
        stay_parked();
      },
      one_processor());
}
void overflow_after_a_park() {
  in_a_detached_fiber([] {
    for (int i = 0; i < 1'000; ++i) thrum::this_fiber::yield();
    std::thread([] {}).join();
    thrum::spawn([] {}).join();
    recurse(0);
  });
}
void overflow_in_a_catch_block() {
  in_a_detached_fiber([] {
    try {
      throw std::runtime_error("");
    } catch (const std::exception&) { recurse(0); }
  });
}

volatile int* const nowhere = nullptr;

void null_pointer_in_a_fiber() {
  in_a_detached_fiber([] { *nowhere = 1; });
}
void null_pointer_on_a_thread() {
  thrum::run([] {}, one_processor());
  *nowhere = 1;
}
void wild_pointer_in_a_fiber() {
  void* forbidden = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  in_a_detached_fiber([=] { *static_cast<volatile int*>(forbidden) = 1; });
}
void kill_in_a_fiber() {
  in_a_detached_fiber([] { ::kill(::getpid(), SIGSEGV); });
}
// The handler that was there before thrum is the one that gets what thrum cannot explain.
void null_pointer_with_a_handler() {
  struct sigaction own{};
  own.sa_handler = [](int) {
    constexpr char text[] = "the program's own handler\n";
    ::_exit(::write(STDERR_FILENO, text, sizeof text - 1) > 0 ? 3 : 4);
  };
  ::sigaction(SIGSEGV, &own, nullptr);
  null_pointer_in_a_fiber();
}

// ---- values and threads of a fiber

void pin_without_end() {
  in_a_detached_fiber([] { static_cast<void>(new thrum::pinned); });
}

void get_of_an_unbound_value() {
  in_a_detached_fiber([] {
    static thrum::scoped<int> value;
    value.bind(1, [] {});
    std::printf("%d", *value);
  });
}
void bindings_that_cross() {
  in_a_detached_fiber([] {
    using binding = thrum::scoped<int>::binding;
    static thrum::scoped<int> value;
    auto outer = std::make_unique<binding>(value, 1);
    const binding inner(value, 2);
    outer.reset();
  });
}
void value_that_needs_itself() {
  in_a_detached_fiber([] {
    static thrum::fiber_local<int> value([]() -> int { return *value + 1; });
    ++*value;
  });
}
struct comes_back {
  ~comes_back();
  int used = 0;
};
thrum::fiber_local<comes_back> values_that_come_back[2];
comes_back::~comes_back() {
  for (auto& v : values_that_come_back) ++v->used;
}
void values_without_end() {
  in_a_detached_fiber([] { ++values_that_come_back[0]->used; });
}

struct mistake {
  const char* name;
  void (*make)();
};

#define THRUM_MISTAKE(name) {#name, &name}
constexpr mistake mistakes[] = {
    THRUM_MISTAKE(exception_leaves_a_detached_fiber),
    THRUM_MISTAKE(number_leaves_a_detached_fiber),
    THRUM_MISTAKE(exception_leaves_a_wait_group),
    THRUM_MISTAKE(exception_leaves_a_timer),
    THRUM_MISTAKE(exception_leaves_the_handler),
    THRUM_MISTAKE(exception_leaves_a_destructor_of_a_fiber),
    THRUM_MISTAKE(exception_leaves_main),
    THRUM_MISTAKE(exception_leaves_a_fiber_of_the_default_runtime),
    THRUM_MISTAKE(exception_leaves_a_fiber_whose_handle_was_detached),
    THRUM_MISTAKE(send_on_closed),
    THRUM_MISTAKE(send_on_closed_while_waiting),
    THRUM_MISTAKE(select_sends_on_closed),
    THRUM_MISTAKE(too_many_processors),
    THRUM_MISTAKE(close_of_nil),
    THRUM_MISTAKE(close_of_moved_from),
    THRUM_MISTAKE(close_of_nil_on_a_thread),
    THRUM_MISTAKE(join_twice),
    THRUM_MISTAKE(join_after_detach),
    THRUM_MISTAKE(join_of_nothing),
    THRUM_MISTAKE(wait_for_nothing),
    THRUM_MISTAKE(join_of_oneself),
    THRUM_MISTAKE(drop_of_ones_own_handle),
    THRUM_MISTAKE(detach_of_nothing),
    THRUM_MISTAKE(detach_twice),
    THRUM_MISTAKE(lock_twice),
    THRUM_MISTAKE(lock_twice_on_a_thread),
    THRUM_MISTAKE(select_of_ones_own_lock),
    THRUM_MISTAKE(stop_a_recording_twice),
    THRUM_MISTAKE(blocking_pool_without_a_place),
    THRUM_MISTAKE(blocking_pool_that_ends_in_its_call),
    THRUM_MISTAKE(unlock_of_unlocked),
    THRUM_MISTAKE(unlock_twice),
    THRUM_MISTAKE(unlock_of_anothers),
    THRUM_MISTAKE(unlock_of_a_threads),
    THRUM_MISTAKE(destroy_of_locked),
    THRUM_MISTAKE(run_inside_a_fiber),
    THRUM_MISTAKE(run_of_a_runtime_inside_a_fiber),
    THRUM_MISTAKE(pin_without_end),
    THRUM_MISTAKE(get_of_an_unbound_value),
    THRUM_MISTAKE(bindings_that_cross),
    THRUM_MISTAKE(value_that_needs_itself),
    THRUM_MISTAKE(values_without_end),
    THRUM_MISTAKE(fibers_that_do_not_stop),
    THRUM_MISTAKE(overflow_in_a_detached_fiber),
    THRUM_MISTAKE(overflow_in_a_joined_fiber),
    THRUM_MISTAKE(overflow_of_large_frames),
    {"overflow_of_16_kib", &overflow_of_size<16 << 10>},
    {"overflow_of_512_kib", &overflow_of_size<512 << 10>},
    {"overflow_of_8_mib", &overflow_of_size<8 << 20>},
    THRUM_MISTAKE(overflow_after_a_park),
    THRUM_MISTAKE(overflow_in_a_catch_block),
    THRUM_MISTAKE(null_pointer_in_a_fiber),
    THRUM_MISTAKE(null_pointer_on_a_thread),
    THRUM_MISTAKE(wild_pointer_in_a_fiber),
    THRUM_MISTAKE(kill_in_a_fiber),
    THRUM_MISTAKE(null_pointer_with_a_handler),
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 2)
    for (const mistake& m : mistakes)
      if (std::strcmp(m.name, argv[1]) == 0) {
        m.make();
        std::fprintf(stderr, "the mistake has gone unnoticed\n");
        return 0;
      }
  std::fprintf(stderr, "usage: mistakes NAME, with a NAME of the list at the end of mistakes.cc\n");
  return 2;
}
