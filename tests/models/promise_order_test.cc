// How many microtasks promises, async functions and combinators take, in Node and on an event_loop.
//
// As in node_order_test.cc, each case is a small program twice. Most of them count turns beside what they are about: `count(5)` says 1 to 5,
// one in each turn. Then come programs that were drawn by lot: the same list of steps, done here and by Node.
#include "models/node_kit.h"

#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>
#include <thrum/operation.h>
#include <thrum/task.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::count;
using test::log;
using test::microtask;
using test::order_case;
using test::say;
using thrum::future;
using thrum::make_ready_future;
using thrum::shared_future;
using thrum::task;

std::exception_ptr no() { return std::make_exception_ptr(std::runtime_error("no")); }

const order_case cases[] = {
    {"a_continuation_takes_one_turn", "x 1 y 2 3", R"js(
Promise.resolve().then(say('x')).then(say('y'));
count(3);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(microtask(say("x")).then(l, say("y")));
       count(3);
     }},
    {"a_promise_resolved_with_a_promise_takes_two_turns_more", "1 2 x 3 4 5", R"js(
new Promise(r => r(Promise.resolve())).then(say('x'));
count(5);
)js",
     [](thrum::event_loop& l) {
       thrum::promise<void> p;
       p.resolve(make_ready_future());
       static_cast<void>(p.get_future().then(l, say("x")));
       count(5);
     }},
    {"a_promise_resolved_with_one_that_is_pending_takes_one_turn_more_than_that", "1 x 2 3 4", R"js(
let r;
const p = new Promise(f => { r = f; });
new Promise(f => f(p)).then(say('x'));
Promise.resolve().then(() => {}).then(() => { r(); count(4); });
)js",
     [](thrum::event_loop& l) {
       auto inner = std::make_shared<thrum::promise<void>>();
       thrum::promise<void> p;
       p.resolve(inner->get_future());
       static_cast<void>(p.get_future().then(l, say("x")));
       static_cast<void>(microtask([] {}).then(l, [inner] {
         inner->set_value();
         count(4);
       }));
     }},
    {"a_continuation_that_returns_a_promise_takes_two_turns_more", "1 2 3 x 4 5 6", R"js(
Promise.resolve().then(() => Promise.resolve()).then(say('x'));
count(6);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(microtask([] { return make_ready_future(); }).then(l, say("x")));
       count(6);
     }},
    {"a_continuation_that_returns_a_rejected_promise_takes_as_many", "1 2 3 x 4 5 6", R"js(
Promise.resolve().then(() => Promise.reject(new Error('no'))).catch(say('x'));
count(6);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(microtask([] { return thrum::make_failed_future<void>(no()); }).rescue(l, say("x")));
       count(6);
     }},
    {"an_async_function_runs_at_once_until_it_waits", "f main g 1 2", R"js(
(async () => { log('f'); await null; log('g'); })();
log('main');
count(2);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(l.call_async([]() -> task<> {
         log("f");
         co_await make_ready_future().async_get();
         log("g");
       }));
       log("main");
       count(2);
     }},
    {"each_await_takes_one_turn", "f1 1 f2 2 f3 3 4", R"js(
(async () => { await null; log('f1'); await Promise.resolve(); log('f2'); await 7; log('f3'); })();
count(4);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(l.call_async([]() -> task<> {
         co_await make_ready_future().async_get();
         log("f1");
         co_await make_ready_future().async_get();
         log("f2");
         log(co_await thrum::make_ready_future(7).async_get() == 7 ? "f3" : "?");
       }));
       count(4);
     }},
    {"await_of_what_is_pending_takes_one_turn_when_that_settles", "timer f 1 2", R"js(
const p = new Promise(r => setTimeout(() => { log('timer'); r(); count(2); }, 1));
(async () => { await p; log('f'); })();
)js",
     [](thrum::event_loop& l) {
       auto p = std::make_shared<thrum::promise<void>>();
       static_cast<void>(l.call_async([f = p->get_future()]() mutable -> task<> {
         co_await f.async_get();
         log("f");
       }));
       l.set_timeout(1ms, [p] {
         log("timer");
         p->set_value();
         count(2);
       });
     }},
    {"who_awaits_and_who_has_left_a_continuation_go_on_in_the_order_in_which_they_came", "main a f b g", R"js(
let r;
const p = new Promise(f => { r = f; });
p.then(say('a'));
(async () => { await p; log('f'); })();
p.then(say('b'));
(async () => { await p; log('g'); })();
r();
log('main');
)js",
     [](thrum::event_loop& l) {
       thrum::promise<void> p;
       const shared_future<void> f = p.get_future().share();
       const auto awaits = [&](const char* word) {
         static_cast<void>(l.call_async([f, word]() -> task<> {
           co_await f.async_get();
           log(word);
         }));
       };
       static_cast<void>(f.then(l, say("a")));
       awaits("f");
       static_cast<void>(f.then(l, say("b")));
       awaits("g");
       p.set_value();
       log("main");
     }},
    {"what_an_async_function_returns_is_there_in_the_turn_after", "1 x 2 3", R"js(
(async () => { await null; })().then(say('x'));
count(3);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(
           l.call_async([]() -> task<> { co_await make_ready_future().async_get(); }).then(l, say("x")));
       count(3);
     }},
    {"an_async_function_that_returns_a_promise_takes_three_turns", "1 2 x 3 4 5", R"js(
(async () => Promise.resolve())().then(say('x'));
count(5);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(
           l.call_async([]() -> task<future<void>> { co_return make_ready_future(); }).then(l, say("x")));
       count(5);
     }},
    {"an_async_function_that_awaits_the_promise_that_it_returns_takes_two", "1 x 2 3", R"js(
(async () => await Promise.resolve())().then(say('x'));
count(3);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(
           l.call_async([]() -> task<> { co_await make_ready_future().async_get(); }).then(l, say("x")));
       count(3);
     }},
    {"async_functions_that_await_each_other", "outer inner main inner2 1 outer2 2 end 3", R"js(
const inner = async () => { log('inner'); await null; log('inner2'); };
const outer = async () => { log('outer'); await inner(); log('outer2'); };
outer().then(say('end'));
log('main');
count(3);
)js",
     [](thrum::event_loop& l) {
       const auto inner = []() -> task<> {
         log("inner");
         co_await make_ready_future().async_get();
         log("inner2");
       };
       const auto outer = [&l, inner]() -> task<> {
         log("outer");
         co_await l.call_async(inner).async_get();
         log("outer2");
       };
       static_cast<void>(l.call_async(outer).then(l, say("end")));
       log("main");
       count(3);
     }},
    {"what_an_async_function_throws_is_caught_where_it_is_awaited", "1 caught 2 finally 3", R"js(
const f = async () => { await null; throw new Error('no'); };
(async () => { try { await f(); } catch { log('caught'); } await null; log('finally'); })();
count(3);
)js",
     [](thrum::event_loop& l) {
       const auto f = []() -> task<> {
         co_await make_ready_future().async_get();
         throw std::runtime_error("no");
       };
       static_cast<void>(l.call_async([&l, f]() -> task<> {
         try {
           co_await l.call_async(f).async_get();
         } catch (const std::runtime_error&) { log("caught"); }
         co_await make_ready_future().async_get();
         log("finally");
       }));
       count(3);
     }},
    {"finally_takes_two_turns_more", "f 1 2 3 x 4 5", R"js(
Promise.resolve().finally(say('f')).then(say('x'));
count(5);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(make_ready_future().finally(l, [] { log("f"); }).then(l, say("x")));
       count(5);
     }},
    {"finally_that_throws_takes_one", "f 1 x 2 3", R"js(
Promise.resolve().finally(() => { log('f'); throw new Error('no'); }).catch(say('x'));
count(3);
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(make_ready_future()
                             .finally(l,
                                      [] {
                                        log("f");
                                        throw std::runtime_error("no");
                                      })
                             .rescue(l, say("x")));
       count(3);
     }},
    {"finally_that_returns_a_promise_waits_for_it", "f timer 1 2 x 3 4", R"js(
Promise.resolve().finally(() => {
  log('f');
  return new Promise(r => setTimeout(() => { log('timer'); r(); count(4); }, 1));
}).then(say('x'));
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(make_ready_future()
                             .finally(l,
                                      [&l] {
                                        log("f");
                                        auto p = std::make_shared<thrum::promise<void>>();
                                        l.set_timeout(1ms, [p] {
                                          log("timer");
                                          p->set_value();
                                          count(4);
                                        });
                                        return p->get_future();
                                      })
                             .then(l, say("x")));
     }},
    {"combinators_take_one_turn_more", "1 all race any settled 2 3", R"js(
const two = () => [Promise.resolve(), Promise.resolve()];
Promise.all(two()).then(say('all'));
Promise.race(two()).then(say('race'));
Promise.any(two()).then(say('any'));
Promise.allSettled(two()).then(say('settled'));
count(3);
)js",
     [](thrum::event_loop& l) {
       const auto two = [] {
         std::vector<future<void>> both;
         both.push_back(make_ready_future());
         both.push_back(make_ready_future());
         return both;
       };
       static_cast<void>(thrum::all(two()).then(l, say("all")));
       static_cast<void>(thrum::race(two()).then(l, say("race")));
       static_cast<void>(thrum::any(two()).then(l, say("any")));
       static_cast<void>(thrum::all_settled(two()).then(l, say("settled")));
       count(3);
     }},
    {"ticks_come_between_the_turns_of_a_promise_only_where_all_microtasks_are_done", "1 2 x 3 tick", R"js(
new Promise(r => r(Promise.resolve())).then(() => { log('x'); process.nextTick(say('tick')); });
count(3);
)js",
     [](thrum::event_loop& l) {
       thrum::promise<void> p;
       p.resolve(make_ready_future());
       static_cast<void>(p.get_future().then(l, [&l] {
         log("x");
         l.next_tick(say("tick"));
       }));
       count(3);
     }},
};

TEST(promise_order, each_program_prints_what_node_printed) {
  for (const order_case& c : cases) EXPECT_EQ(test::here(c), c.prints) << c.name;
}

class promise_order : public testing::TestWithParam<order_case> {};
INSTANTIATE_TEST_SUITE_P(programs, promise_order, testing::ValuesIn(cases),
                         [](const auto& of) { return of.param.name; });

TEST_P(promise_order, node_itself_prints_the_same) {
  if (!test::why_no_node().empty()) GTEST_SKIP() << test::why_no_node();
  const order_case& c = GetParam();
  const auto ended = test::run_node(c.name, std::string(test::prelude) + c.node);
  EXPECT_EQ(ended.out, c.prints) << ended.summary();
}

// ---- drawn by lot
//
// A program is a list of steps {what, i, j}, in three parts: one for the main script, and the others for a microtask, a tick and an
// immediate. It has promises P, to which most steps add one that depends on earlier ones, P[i] and P[j] (modulo how many there
// are), and deferred ones D among them. The last step resolves all D, so that everything settles. What runs says the number of its step.

enum step_kind : int {
  ready,
  rejected,
  deferred,
  then,
  rescue,
  finally,
  then_throws,
  then_promise,
  finally_promise,
  async_awaits,
  async_returns,
  async_rescues,
  all,
  race,
  any,
  all_settled,
  resolve,
  reject,
  resolve_with,
  microtask_step,
  tick,
  kinds
};
struct step {
  int what;
  unsigned i;
  unsigned j;
};
using part = std::vector<step>;
using program = std::array<part, 4>; // main, microtask, tick, immediate

program draw(unsigned seed) {
  std::mt19937 lot(seed);
  program p;
  p[0].push_back({ready, 0, 0});
  for (unsigned n = 10 + lot() % 20; n != 0; --n)
    p[n < 10 ? lot() % 4 : 0].push_back({static_cast<int>(lot() % kinds), static_cast<unsigned>(lot() % 64),
                                         static_cast<unsigned>(lot() % 64)});
  return p;
}

class player {
public:
  player(thrum::event_loop& l, const program& p) : l_(l), program_(p) {}

  void play() {
    l_.set_immediate([this] {
      run(3);
      for (auto& d : deferred_) d.promise.set_value();
    });
    l_.queue_microtask([this] { run(1); });
    l_.next_tick([this] { run(2); });
    run(0);
  }
  // So that no failure is reported as unseen.
  void look_at_all() {
    for (const auto& f : promises_) {
      ASSERT_TRUE(f.ready());
      static_cast<void>(f.get_outcome());
    }
  }

private:
  using handle = shared_future<void>;
  struct deferred_promise {
    std::size_t index;
    thrum::promise<void> promise;
  };

  void run(std::size_t which) {
    for (const step& s : program_[which]) take(s);
  }
  void add(future<void>&& f) { promises_.push_back(std::move(f).share()); }
  void take(const step& s) {
    const std::string word = std::to_string(number_++);
    const auto note = [word](auto&&...) { log(word); };
    const handle a = promises_.empty() ? handle(make_ready_future()) : promises_[s.i % promises_.size()];
    const handle b = promises_.empty() ? a : promises_[s.j % promises_.size()];
    const std::vector<handle> both{a, b};
    deferred_promise* const d = deferred_.empty() ? nullptr : &deferred_[s.i % deferred_.size()];
    thrum::event_loop& l = l_;
    switch (s.what) {
    case ready: return add(make_ready_future());
    case rejected: return add(thrum::make_failed_future<void>(no()));
    case deferred:
      deferred_.push_back(deferred_promise{promises_.size(), thrum::promise<void>()});
      return add(deferred_.back().promise.get_future());
    case then: return add(a.then(l, note));
    case rescue: return add(a.rescue(l, note));
    case finally: return add(a.finally(l, note));
    case then_throws:
      return add(a.then(l, [note] {
        note();
        throw std::runtime_error("no");
      }));
    case then_promise:
      return add(a.then(l, [note, b] {
        note();
        return b;
      }));
    case finally_promise:
      return add(a.finally(l, [note, b] {
        note();
        return b;
      }));
    case async_awaits:
      return add(l.call_async([a, b, note]() -> task<> {
        co_await a.async_get();
        note();
        co_await b.async_get();
        note();
      }));
    case async_returns:
      return add(l.call_async([a, b, note]() -> task<handle> {
        note();
        co_await a.async_get();
        co_return b;
      }));
    case async_rescues:
      return add(l.call_async([a, b, note]() -> task<handle> {
        try {
          co_await a.async_get();
        } catch (const std::exception&) { note(); }
        co_return b;
      }));
    case all: return add(thrum::all(both).then(l, note));
    case race: return add(thrum::race(both).then(l, note));
    case any: return add(thrum::any(both).then(l, note));
    case all_settled: return add(thrum::all_settled(both).then(l, note));
    case resolve:
      if (d != nullptr) d->promise.set_value();
      return;
    case reject:
      if (d != nullptr) d->promise.set_exception(no());
      return;
    case resolve_with:
      if (d != nullptr && d->index != 0) d->promise.resolve(promises_[s.j % d->index]);
      return;
    case microtask_step: return l.queue_microtask(note);
    case tick: return l.next_tick(note);
    }
  }

  thrum::event_loop& l_;
  const program& program_;
  int number_ = 0;
  std::deque<handle> promises_;
  std::deque<deferred_promise> deferred_;
};

constexpr const char* player_for_node = R"js('use strict';
process.on('unhandledRejection', () => {});
const lines = [];
const play = program => {
  const said = [], P = [], D = [];
  const log = w => said.push(w);
  let number = 0;
  const no = () => new Error('no');
  const take = ([what, i, j]) => {
    const word = number++, note = () => log(word);
    const a = P.length ? P[i % P.length] : Promise.resolve();
    const b = P.length ? P[j % P.length] : a;
    const d = D.length ? D[i % D.length] : null;
    switch (what) {
      case 0: return P.push(Promise.resolve());
      case 1: return P.push(Promise.reject(no()));
      case 2: {
        const made = {index: P.length};
        P.push(new Promise((resolve, reject) => Object.assign(made, {resolve, reject})));
        return D.push(made);
      }
      case 3: return P.push(a.then(note));
      case 4: return P.push(a.catch(note));
      case 5: return P.push(a.finally(note));
      case 6: return P.push(a.then(() => { note(); throw no(); }));
      case 7: return P.push(a.then(() => { note(); return b; }));
      case 8: return P.push(a.finally(() => { note(); return b; }));
      case 9: return P.push((async () => { await a; note(); await b; note(); })());
      case 10: return P.push((async () => { note(); await a; return b; })());
      case 11: return P.push((async () => { try { await a; } catch { note(); } return b; })());
      case 12: return P.push(Promise.all([a, b]).then(note));
      case 13: return P.push(Promise.race([a, b]).then(note));
      case 14: return P.push(Promise.any([a, b]).then(note));
      case 15: return P.push(Promise.allSettled([a, b]).then(note));
      case 16: return d && d.resolve();
      case 17: return d && d.reject(no());
      case 18: return d && d.index && d.resolve(P[j % d.index]);
      case 19: return queueMicrotask(note);
      case 20: return process.nextTick(note);
    }
  };
  const run = part => program[part].forEach(take);
  setImmediate(() => { run(3); D.forEach(d => d.resolve()); });
  queueMicrotask(() => run(1));
  process.nextTick(() => run(2));
  run(0);
  return said;
};
// In a callback, as the first of an event_loop: ticks come before microtasks there, and in a main script of CommonJS.
const next = k => {
  if (k == programs.length) return process.stdout.write(lines.join('\n'));
  const said = play(programs[k]);
  setImmediate(() => setImmediate(() => { lines.push(said.join(' ')); setTimeout(next, 0, k + 1); }));
};
setTimeout(next, 0, 0);
)js";

TEST(promise_order, programs_drawn_by_lot_print_what_they_print_on_node) {
  if (!test::why_no_node().empty()) GTEST_SKIP() << test::why_no_node();
  constexpr unsigned programs = 400;
  std::ostringstream source;
  source << "const programs = [";
  std::vector<std::string> here;
  std::ptrdiff_t words = 0;
  for (unsigned k = 0; k < programs; ++k) {
    const program p = draw(k);
    source << "[";
    for (const part& steps : p) {
      source << "[";
      for (const step& s : steps) source << "[" << s.what << "," << s.i << "," << s.j << "],";
      source << "],";
    }
    source << "],\n";
    test::printed.clear();
    thrum::event_loop l({.virtual_time = true});
    player plays(l, p);
    l.run([&] { plays.play(); });
    plays.look_at_all();
    here.push_back(test::printed);
    words += 1 + std::count(test::printed.begin(), test::printed.end(), ' ');
  }
  EXPECT_GT(words, 10 * static_cast<std::ptrdiff_t>(programs)); // they do say something
  source << "];\n";
  const auto ended = test::run_node("lot", source.str() + player_for_node);
  ASSERT_EQ(ended.exit_code, 0) << ended.summary();
  std::istringstream node(ended.out);
  for (unsigned k = 0; k < programs; ++k) {
    std::string line;
    std::getline(node, line);
    EXPECT_EQ(here[k], line) << "program " << k;
  }
}

} // namespace
