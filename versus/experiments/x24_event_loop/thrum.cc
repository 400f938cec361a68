// X24 in thrum: programs of timers, ticks, microtasks and immediates on an event_loop, and what a turn of it costs.
#include "kit/kit.h"

#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/thrum.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

words given, printed;
void log(const char* word) { printed.emplace_back(word); }
auto say(const char* word) {
  given.emplace_back(word);
  return [word](auto&&...) { log(word); };
}
void burn(std::chrono::milliseconds time) {
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {}
}
// Promise.resolve().then(f)
template <class F> auto microtask(thrum::event_loop& l, F f) { return thrum::make_ready_future().then(l, f); }
// What nobody waits for.
void start(auto&& /*future*/) {}

struct program {
  const char* name;
  void (*first)(thrum::event_loop& l);
};

const program programs[] = {
    {"main_then_ticks_then_microtasks_then_timers",
     [](thrum::event_loop& l) {
       l.set_timeout(0ms, say("timer"));
       start(microtask(l, say("micro1")));
       l.next_tick(say("tick1"));
       l.queue_microtask(say("micro2"));
       l.next_tick(say("tick2"));
       log("main");
     }},
    {"after_each_timer_its_ticks_and_microtasks",
     [](thrum::event_loop& l) {
       l.set_timeout(1ms, [&l] {
         log("t1");
         start(microtask(l, say("micro")));
         l.next_tick(say("tick"));
       });
       l.set_timeout(1ms, say("t2"));
       burn(5ms);
     }},
    {"after_each_immediate_its_ticks_and_microtasks",
     [](thrum::event_loop& l) {
       l.set_immediate([&l] {
         log("i1");
         start(microtask(l, say("micro")));
         l.next_tick(say("tick"));
       });
       l.set_immediate(say("i2"));
     }},
    {"a_tick_of_a_tick_before_microtasks",
     [](thrum::event_loop& l) {
       start(microtask(l, say("micro")));
       l.next_tick([&l] {
         log("tick1");
         l.next_tick(say("tick2"));
       });
     }},
    {"a_tick_of_a_microtask_after_all_microtasks",
     [](thrum::event_loop& l) {
       start(microtask(l, [&l] {
         log("micro1");
         l.next_tick(say("tick"));
         start(microtask(l, say("micro3")));
       }));
       start(microtask(l, say("micro2")));
     }},
    {"ticks_that_go_on_keep_timers_waiting",
     [](thrum::event_loop& l) {
       struct again {
         thrum::event_loop& of;
         int left;
         void operator()() const {
           log("tick");
           if (left > 1) of.next_tick(again{of, left - 1});
         }
       };
       l.set_timeout(0ms, say("timer"));
       l.next_tick(again{l, 4});
       burn(5ms);
     }},

    {"from_a_timer_the_immediate_before_the_timeout",
     [](thrum::event_loop& l) {
       l.set_timeout(0ms, [&l] {
         log("timer");
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
       });
     }},
    {"from_an_operation_the_immediate_before_the_timeout",
     [](thrum::event_loop& l) {
       l.execute([&l] {
         log("done");
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
         burn(5ms);
       });
     }},
    {"from_an_immediate_the_timeout_before_the_next_immediate",
     [](thrum::event_loop& l) {
       l.set_immediate([&l] {
         log("first");
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
         burn(5ms);
       });
     }},
    {"an_immediate_of_an_immediate_waits_for_the_next_turn",
     [](thrum::event_loop& l) {
       l.set_immediate([&l] {
         log("i1");
         l.set_immediate(say("i3"));
         l.set_timeout(1ms, say("timer"));
         burn(5ms);
       });
       l.set_immediate(say("i2"));
     }},
    {"an_immediate_that_an_earlier_one_clears",
     [](thrum::event_loop& l) {
       static thrum::loop_immediate i2;
       l.set_immediate([] {
         log("i1");
         i2.clear();
       });
       i2 = l.set_immediate(say("i2"));
       l.set_immediate(say("i3"));
     }},
    {"close_callbacks_after_immediates_and_before_timers",
     [](thrum::event_loop& l) {
       l.execute([&l] {
         l.queue_close(say("close"));
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
         l.next_tick(say("tick"));
         burn(5ms);
       });
     }},

    {"no_time_and_negative_time_are_a_millisecond",
     [](thrum::event_loop& l) {
       l.set_timeout(1ms, say("one"));
       l.set_timeout(0ms, say("zero"));
       l.set_timeout(-5ms, say("negative"));
       burn(10ms);
     }},
    {"of_two_overdue_the_one_that_was_due_first",
     [](thrum::event_loop& l) {
       l.set_timeout(20ms, say("two"));
       l.set_timeout(1ms, say("one"));
       burn(30ms);
     }},
    {"those_of_one_duration_together",
     [](thrum::event_loop& l) {
       l.set_timeout(10ms, say("a1"));
       l.set_timeout(15ms, say("b"));
       burn(10ms);
       l.set_timeout(10ms, say("a2"));
       burn(30ms);
     }},
    {"one_that_an_earlier_one_clears",
     [](thrum::event_loop& l) {
       static thrum::loop_timer t2;
       l.set_timeout(1ms, [] {
         log("t1");
         t2.clear();
       });
       t2 = l.set_timeout(1ms, say("t2"));
       l.set_timeout(1ms, say("t3"));
       burn(5ms);
     }},
    {"an_interval_that_clears_itself",
     [](thrum::event_loop& l) {
       static int n;
       static thrum::loop_timer i;
       n = 0;
       i = l.set_interval(1ms, [&l] {
         log("i");
         if (++n == 3) {
           i.clear();
           l.set_timeout(1ms, say("end"));
         }
       });
     }},
    {"an_interval_is_set_again_before_its_ticks",
     [](thrum::event_loop& l) {
       static int n;
       static thrum::loop_timer i;
       n = 0;
       i = l.set_interval(2ms, [&l] {
         log("i");
         if (++n == 2) return i.clear();
         l.next_tick(say("tick"));
       });
       l.set_timeout(2ms, say("t"));
       burn(5ms);
     }},
    {"an_exception_that_is_handled",
     [](thrum::event_loop& l) {
       l.set_timeout(1ms, [] {
         log("t1");
         throw std::runtime_error("no");
       });
       l.set_timeout(1ms, say("t2"));
       burn(5ms);
     }},
    {"what_is_unreferenced_keeps_nothing",
     [](thrum::event_loop& l) {
       l.set_timeout(1000s, say("never")).unref();
       l.set_immediate([&l] { l.set_immediate(say("never")).unref(); });
       l.set_timeout(1ms, say("t"));
       log("main");
       burn(5ms);
     }},

    {"two_chains_take_turns",
     [](thrum::event_loop& l) {
       start(microtask(l, say("a")).then(l, say("b")).then(l, say("c")));
       start(microtask(l, say("x")).then(l, say("y")));
     }},
    {"async_functions_take_turns_where_they_await",
     [](thrum::event_loop& l) {
       const auto f = [&l] {
         log("f1");
         return microtask(l, say("f2")).then(l, say("f3"));
       };
       const auto g = [&l] {
         log("g1");
         return microtask(l, say("g2"));
       };
       start(f());
       start(g());
       log("main");
     }},
    {"a_rejection_passes_one_handler_a_turn",
     [](thrum::event_loop& l) {
       start(thrum::make_failed_future<void>(std::make_exception_ptr(std::runtime_error("no")))
                 .then(l, [] { log("skipped"); })
                 .then(l, [] { log("skipped"); })
                 .rescue(l, [](std::exception_ptr) { log("caught"); })
                 .finally(l, [] { log("finally"); }));
       start(microtask(l, say("a")).then(l, say("b")).then(l, [] {}).then(l, say("c")));
     }},
    {"reactions_after_what_resolves",
     [](thrum::event_loop& l) {
       const auto p = std::make_shared<thrum::promise<int>>();
       const thrum::shared_future<int> f = p->get_future().share();
       for (const char* word : {"r1", "r2", "r3"}) start(f.then(l, say(word)));
       l.set_timeout(1ms, [p] {
         p->set_value(1);
         log("timer");
       });
       l.set_timeout(1ms, say("next"));
       burn(5ms);
     }},
    {"all_waits_for_the_last",
     [](thrum::event_loop& l) {
       const auto after = [&l](std::chrono::milliseconds time, const char* word) {
         const auto p = std::make_shared<thrum::promise<int>>();
         l.set_timeout(time, [p, word] {
           log(word);
           p->set_value(1);
         });
         return p->get_future();
       };
       std::vector<thrum::future<int>> both;
       both.push_back(after(20ms, "t2"));
       both.push_back(after(1ms, "t1"));
       start(thrum::all(std::move(both)).then(l, say("all")));
     }},
};

// Those of `some` that are among `others`, too.
words common(words some, const words& others) {
  std::erase_if(some, [&](const std::string& w) { return std::ranges::find(others, w) == others.end(); });
  return some;
}
words sorted(words all) {
  std::ranges::sort(all);
  return all;
}

// Runs the programs of a row; orders.txt has "row program: words".
void print_orders(const kit::bench& b, const char* row, bool jumps_count) {
  if (!b.wants(row)) return;
  const char* folder = std::getenv("VERSUS_EXPERIMENT");
  std::ifstream orders(std::string(folder != nullptr ? folder : ".") + "/orders.txt");
  int n = 0, differ = 0, jumped = 0, whole = 0;
  for (std::string line; std::getline(orders, line);) {
    std::istringstream in(line);
    std::string at, name;
    if (!(in >> at >> name) || at != row) continue;
    name.pop_back(); // the colon
    const words wanted{std::istream_iterator<std::string>(in), {}};
    const auto found = std::ranges::find_if(programs, [&](const program& p) { return p.name == name; });
    if (found == std::end(programs)) continue;
    given.clear();
    printed.clear();
    thrum::event_loop l({.on_unhandled = [](auto&&) { log("caught"); }});
    l.run([&] { found->first(l); });
    ++n;
    differ += printed != wanted;
    jumped += common(given, printed) != common(printed, given);
    whole += sorted(printed) == sorted(wanted);
  }
  b.emit(row, n, "differs", 100.0 * differ / n, "%");
  if (jumps_count) b.emit(row, n, "jumped", 100.0 * jumped / n, "%");
  b.emit(row, n, "unsaid", 0, "%");
  b.emit(row, n, "check", whole, "count");
}

// Callbacks, each of which gives the next one.
template <class Give> long in_turns(long n, Give give) {
  thrum::event_loop l;
  struct again {
    thrum::event_loop& of;
    const Give& give;
    const long n;
    long& done;
    void operator()() const {
      if (++done < n) give(of, *this);
    }
  };
  long done = 0;
  l.run([&] { give(l, again{l, give, n, done}); });
  return done;
}

} // namespace

int main(int argc, char** argv) {
  kit::bench b("X24", "thrum", argc, argv);
  return thrum::run(
      [&b] {
        print_orders(b, "queues", true);
        print_orders(b, "phases", true);
        print_orders(b, "timers", false); // which are given with the time at which they are to run
        print_orders(b, "promises", false);
        b.measure("turn", 1, [](long n) {
          return in_turns(n, [](thrum::event_loop& l, auto next) { l.set_immediate(next); });
        });
        b.measure("microtask", 1, [](long n) {
          return in_turns(n, [](thrum::event_loop& l, auto next) { l.queue_microtask(next); });
        });
        return 0;
      },
      {.processors = b.processors()});
}
