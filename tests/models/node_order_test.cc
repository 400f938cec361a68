// The order in which Node runs callbacks, and event_loop with it.
//
// Each case is a small program twice: as Node would have it, and here. Beside them stands what it prints, as Node 20 printed it. The
// program here must print that; and where Node is installed, so must the one for Node, so that what stands here cannot be
// wrong. All timers of the programs for Node are overdue when they are looked at, and whoever else is to wait waits in a callback:
// so no case depends on how fast the machine is. Those here run in virtual time.
#include "models/node_kit.h"

#include <thrum/event_loop.h>
#include <thrum/future.h>
#include <thrum/future_all.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

using namespace std::chrono_literals;
using test::log;
using test::microtask;
using test::order_case;
using test::say;
using thrum::future;

const order_case cases[] = {
    {"main_script_then_ticks_then_microtasks_then_timers", "main tick1 tick2 micro1 micro2 timer", R"js(
setTimeout(say('timer'), 0);
Promise.resolve().then(say('micro1'));
process.nextTick(say('tick1'));
queueMicrotask(say('micro2'));
process.nextTick(say('tick2'));
log('main');
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(0ms, say("timer"));
       static_cast<void>(microtask(say("micro1")));
       l.next_tick(say("tick1"));
       l.queue_microtask(say("micro2"));
       l.next_tick(say("tick2"));
       log("main");
     }},
    {"from_a_timer_the_immediate_comes_before_the_timeout", "timer immediate timeout", R"js(
setTimeout(() => {
  log('timer');
  setTimeout(say('timeout'), 0);
  setImmediate(say('immediate'));
}, 0);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(0ms, [&l] {
         log("timer");
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
       });
     }},
    {"from_a_completed_operation_the_immediate_comes_before_the_timeout", "done immediate timeout", R"js(
require('fs').stat('.', () => {
  log('done');
  setTimeout(say('timeout'), 0);
  setImmediate(say('immediate'));
  burn(5);
});
)js",
     [](thrum::event_loop& l) {
       l.execute([&l] {
         log("done");
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
         l.advance(5ms);
       });
     }},
    {"from_an_immediate_a_due_timeout_comes_before_the_next_immediate", "first timeout immediate", R"js(
setImmediate(() => {
  log('first');
  setTimeout(say('timeout'), 0);
  setImmediate(say('immediate'));
  burn(5);
});
)js",
     [](thrum::event_loop& l) {
       l.set_immediate([&l] {
         log("first");
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
         l.advance(5ms);
       });
     }},
    {"after_each_timer_come_its_ticks_and_microtasks", "t1 tick micro t2", R"js(
setTimeout(() => {
  log('t1');
  Promise.resolve().then(say('micro'));
  process.nextTick(say('tick'));
}, 1);
setTimeout(say('t2'), 1);
burn(5);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(1ms, [&l] {
         log("t1");
         static_cast<void>(microtask(say("micro")));
         l.next_tick(say("tick"));
       });
       l.set_timeout(1ms, say("t2"));
       l.advance(5ms);
     }},
    {"after_each_immediate_come_its_ticks_and_microtasks", "i1 tick micro i2", R"js(
setImmediate(() => {
  log('i1');
  Promise.resolve().then(say('micro'));
  process.nextTick(say('tick'));
});
setImmediate(say('i2'));
)js",
     [](thrum::event_loop& l) {
       l.set_immediate([&l] {
         log("i1");
         static_cast<void>(microtask(say("micro")));
         l.next_tick(say("tick"));
       });
       l.set_immediate(say("i2"));
     }},
    {"an_immediate_of_an_immediate_waits_for_the_next_turn", "i1 i2 timer i3", R"js(
setImmediate(() => {
  log('i1');
  setImmediate(say('i3'));
  setTimeout(say('timer'), 1);
  burn(5);
});
setImmediate(say('i2'));
)js",
     [](thrum::event_loop& l) {
       l.set_immediate([&l] {
         log("i1");
         l.set_immediate(say("i3"));
         l.set_timeout(1ms, say("timer"));
         l.advance(5ms);
       });
       l.set_immediate(say("i2"));
     }},
    {"no_time_and_negative_time_are_a_millisecond", "one zero negative", R"js(
setTimeout(say('one'), 1);
setTimeout(say('zero'), 0);
setTimeout(say('negative'), -5);
burn(10);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(1ms, say("one"));
       l.set_timeout(0ms, say("zero"));
       l.set_timeout(-5ms, say("negative"));
       l.advance(10ms);
     }},
    {"of_two_overdue_timers_the_one_that_was_due_first_runs_first", "one two", R"js(
setTimeout(say('two'), 200);
setTimeout(say('one'), 1);
burn(300);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(200ms, say("two"));
       l.set_timeout(1ms, say("one"));
       l.advance(300ms);
     }},
    {"timers_of_one_duration_run_together", "a1 a2 b", R"js(
setTimeout(say('a1'), 10);
setTimeout(say('b'), 15);
burn(10);
setTimeout(say('a2'), 10);
burn(30);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(10ms, say("a1"));
       l.set_timeout(15ms, say("b"));
       l.advance(10ms);
       l.set_timeout(10ms, say("a2"));
       l.advance(30ms);
     }},
    {"a_timer_that_an_earlier_one_clears_does_not_run", "t1 t3", R"js(
setTimeout(() => { log('t1'); clearTimeout(t2); }, 1);
const t2 = setTimeout(say('t2'), 1);
setTimeout(say('t3'), 1);
burn(5);
)js",
     [](thrum::event_loop& l) {
       static thrum::loop_timer t2;
       l.set_timeout(1ms, [] {
         log("t1");
         t2.clear();
       });
       t2 = l.set_timeout(1ms, say("t2"));
       l.set_timeout(1ms, say("t3"));
       l.advance(5ms);
     }},
    {"an_immediate_that_an_earlier_one_clears_does_not_run", "i1 i3", R"js(
setImmediate(() => { log('i1'); clearImmediate(i2); });
const i2 = setImmediate(say('i2'));
setImmediate(say('i3'));
)js",
     [](thrum::event_loop& l) {
       static thrum::loop_immediate i2;
       l.set_immediate([] {
         log("i1");
         i2.clear();
       });
       i2 = l.set_immediate(say("i2"));
       l.set_immediate(say("i3"));
     }},
    {"a_tick_of_a_tick_comes_before_microtasks", "tick1 tick2 micro", R"js(
Promise.resolve().then(say('micro'));
process.nextTick(() => { log('tick1'); process.nextTick(say('tick2')); });
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(microtask(say("micro")));
       l.next_tick([&l] {
         log("tick1");
         l.next_tick(say("tick2"));
       });
     }},
    {"a_tick_of_a_microtask_waits_for_all_microtasks", "micro1 micro2 micro3 tick", R"js(
Promise.resolve().then(() => {
  log('micro1');
  process.nextTick(say('tick'));
  Promise.resolve().then(say('micro3'));
});
Promise.resolve().then(say('micro2'));
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(microtask([&l] {
         log("micro1");
         l.next_tick(say("tick"));
         static_cast<void>(microtask(say("micro3")));
       }));
       static_cast<void>(microtask(say("micro2")));
     }},
    {"ticks_that_go_on_keep_timers_waiting", "tick tick tick tick timer", R"js(
setTimeout(say('timer'), 0);
let left = 4;
process.nextTick(function again() { log('tick'); if (--left) process.nextTick(again); });
burn(5);
)js",
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
       l.advance(5ms);
     }},
    {"an_interval_that_clears_itself_ends", "i i i end", R"js(
let n = 0;
const i = setInterval(() => {
  log('i');
  if (++n == 3) { clearInterval(i); setTimeout(say('end'), 1); }
}, 1);
)js",
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
    {"an_interval_is_set_again_before_the_ticks_of_its_callback", "i tick t i", R"js(
let n = 0;
const i = setInterval(() => {
  log('i');
  if (++n == 2) return clearInterval(i);
  process.nextTick(() => { log('tick'); });
}, 2);
setTimeout(say('t'), 2);
burn(5);
)js",
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
       l.advance(5ms);
     }},
    {"two_chains_of_promises_take_turns", "a x b y c", R"js(
Promise.resolve().then(say('a')).then(say('b')).then(say('c'));
Promise.resolve().then(say('x')).then(say('y'));
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(microtask(say("a")).then(l, say("b")).then(l, say("c")));
       static_cast<void>(microtask(say("x")).then(l, say("y")));
     }},
    {"async_functions_take_turns_where_they_await", "f1 g1 main f2 g2 f3", R"js(
async function f() { log('f1'); await null; log('f2'); await null; log('f3'); }
async function g() { log('g1'); await null; log('g2'); }
f();
g();
log('main');
)js",
     [](thrum::event_loop& l) {
       const auto f = [&l] {
         log("f1");
         return microtask(say("f2")).then(l, say("f3"));
       };
       const auto g = [] {
         log("g1");
         return microtask(say("g2"));
       };
       static_cast<void>(f());
       static_cast<void>(g());
       log("main");
     }},
    {"a_rejection_takes_a_turn_past_each_handler_that_it_passes", "a b caught finally c", R"js(
Promise.reject(new Error('no')).then(say('skipped')).then(say('skipped')).catch(say('caught')).finally(say('finally'));
Promise.resolve().then(say('a')).then(say('b')).then(() => {}).then(say('c'));
)js",
     [](thrum::event_loop& l) {
       static_cast<void>(thrum::make_failed_future<void>(std::make_exception_ptr(std::runtime_error("no")))
                             .then(l, [] { log("skipped"); })
                             .then(l, [] { log("skipped"); })
                             .rescue(l, [](std::exception_ptr) { log("caught"); })
                             .finally(l, [] { log("finally"); }));
       static_cast<void>(microtask(say("a")).then(l, say("b")).then(l, [] {}).then(l, say("c")));
     }},
    {"reactions_run_in_the_order_of_then_and_not_in_resolve", "timer r1 r2 r3 next", R"js(
let resolve;
const p = new Promise(r => { resolve = r; });
p.then(say('r1'));
p.then(say('r2'));
p.then(say('r3'));
setTimeout(() => { resolve(1); log('timer'); }, 1);
setTimeout(say('next'), 1);
burn(5);
)js",
     [](thrum::event_loop& l) {
       static thrum::promise<int> p;
       p = thrum::promise<int>();
       const thrum::shared_future<int> f = p.get_future().share();
       static_cast<void>(f.then(l, say("r1")));
       static_cast<void>(f.then(l, say("r2")));
       static_cast<void>(f.then(l, say("r3")));
       l.set_timeout(1ms, [] {
         p.set_value(1);
         log("timer");
       });
       l.set_timeout(1ms, say("next"));
       l.advance(5ms);
     }},
    {"promise_all_waits_for_the_last", "t1 t2 all", R"js(
const in_ms = (ms, w) => new Promise(r => setTimeout(() => { log(w); r(); }, ms));
Promise.all([in_ms(200, 't2'), in_ms(1, 't1')]).then(say('all'));
)js",
     [](thrum::event_loop& l) {
       const auto in = [&l](auto d, const char* w) {
         auto p = std::make_shared<thrum::promise<int>>();
         l.set_timeout(d, [p, w] {
           log(w);
           p->set_value(1);
         });
         return p->get_future();
       };
       std::vector<future<int>> both;
       both.push_back(in(200ms, "t2"));
       both.push_back(in(1ms, "t1"));
       static_cast<void>(thrum::all(std::move(both)).then(l, say("all")));
     }},
    {"close_callbacks_run_after_immediates_and_before_timers", "tick immediate close timeout", R"js(
const net = require('net');
const server = net.createServer(s => s.on('error', () => {})).listen(0, () => {
  const socket = net.connect(server.address().port, () => {
    socket.on('close', say('close'));
    socket.destroy();
    setTimeout(say('timeout'), 0);
    setImmediate(say('immediate'));
    process.nextTick(say('tick'));
    server.close();
    burn(5);
  });
});
)js",
     [](thrum::event_loop& l) {
       l.execute([&l] {
         l.queue_close(say("close"));
         l.set_timeout(0ms, say("timeout"));
         l.set_immediate(say("immediate"));
         l.next_tick(say("tick"));
         l.advance(5ms);
       });
     }},
    {"with_a_handler_the_loop_goes_on_after_an_exception", "t1 caught t2", R"js(
process.on('uncaughtException', say('caught'));
setTimeout(() => { log('t1'); throw new Error('no'); }, 1);
setTimeout(say('t2'), 1);
burn(5);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(1ms, [] {
         log("t1");
         throw std::runtime_error("no");
       });
       l.set_timeout(1ms, say("t2"));
       l.advance(5ms);
     }},
    {"what_is_unreferenced_keeps_nothing", "main t", R"js(
setTimeout(say('never'), 1000000).unref();
setImmediate(() => setImmediate(say('never')).unref());
setTimeout(say('t'), 1);
log('main');
burn(5);
)js",
     [](thrum::event_loop& l) {
       l.set_timeout(1000s, say("never")).unref();
       l.set_immediate([&l] { l.set_immediate(say("never")).unref(); });
       l.set_timeout(1ms, say("t"));
       log("main");
       l.advance(5ms);
     }},
};

TEST(node_order, each_program_prints_what_node_printed) {
  for (const order_case& c : cases) EXPECT_EQ(test::here(c), c.prints) << c.name;
}

TEST(node_order, there_are_twenty_programs_or_more) { EXPECT_GE(std::size(cases), 20u); }

// One test a program, as each takes the start of a process.
class node_order : public testing::TestWithParam<order_case> {};
INSTANTIATE_TEST_SUITE_P(programs, node_order, testing::ValuesIn(cases),
                         [](const auto& of) { return of.param.name; });

TEST_P(node_order, node_itself_prints_the_same) {
  if (!test::why_no_node().empty()) GTEST_SKIP() << test::why_no_node();
  const order_case& c = GetParam();
  const auto ended = test::run_node(c.name, std::string(test::prelude) + c.node);
  EXPECT_EQ(ended.out, c.prints) << ended.summary();
}

} // namespace
