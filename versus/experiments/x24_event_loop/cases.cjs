// One of Node's programs, as a main script: `node cases.cjs <name>` prints the words in the order in which their callbacks were given,
// and in that in which they ran. All timers are overdue when they are looked at, so no order depends on how fast the machine is.
'use strict';
const given = [], printed = [];
const log = word => { printed.push(word); };
const say = word => { given.push(word); return () => log(word); };
const burn = ms => { for (const begin = Date.now(); Date.now() - begin < ms;); };
process.on('exit', () => process.stdout.write(JSON.stringify({ given, printed })));

const cases = {
  main_then_ticks_then_microtasks_then_timers() {
    setTimeout(say('timer'), 0);
    Promise.resolve().then(say('micro1'));
    process.nextTick(say('tick1'));
    queueMicrotask(say('micro2'));
    process.nextTick(say('tick2'));
    log('main');
  },
  after_each_timer_its_ticks_and_microtasks() {
    setTimeout(() => {
      log('t1');
      Promise.resolve().then(say('micro'));
      process.nextTick(say('tick'));
    }, 1);
    setTimeout(say('t2'), 1);
    burn(5);
  },
  after_each_immediate_its_ticks_and_microtasks() {
    setImmediate(() => {
      log('i1');
      Promise.resolve().then(say('micro'));
      process.nextTick(say('tick'));
    });
    setImmediate(say('i2'));
  },
  a_tick_of_a_tick_before_microtasks() {
    Promise.resolve().then(say('micro'));
    process.nextTick(() => { log('tick1'); process.nextTick(say('tick2')); });
  },
  a_tick_of_a_microtask_after_all_microtasks() {
    Promise.resolve().then(() => {
      log('micro1');
      process.nextTick(say('tick'));
      Promise.resolve().then(say('micro3'));
    });
    Promise.resolve().then(say('micro2'));
  },
  ticks_that_go_on_keep_timers_waiting() {
    setTimeout(say('timer'), 0);
    let left = 4;
    process.nextTick(function again() { log('tick'); if (--left) process.nextTick(again); });
    burn(5);
  },

  from_a_timer_the_immediate_before_the_timeout() {
    setTimeout(() => {
      log('timer');
      setTimeout(say('timeout'), 0);
      setImmediate(say('immediate'));
    }, 0);
  },
  from_an_operation_the_immediate_before_the_timeout() {
    require('fs').stat('.', () => {
      log('done');
      setTimeout(say('timeout'), 0);
      setImmediate(say('immediate'));
      burn(5);
    });
  },
  from_an_immediate_the_timeout_before_the_next_immediate() {
    setImmediate(() => {
      log('first');
      setTimeout(say('timeout'), 0);
      setImmediate(say('immediate'));
      burn(5);
    });
  },
  an_immediate_of_an_immediate_waits_for_the_next_turn() {
    setImmediate(() => {
      log('i1');
      setImmediate(say('i3'));
      setTimeout(say('timer'), 1);
      burn(5);
    });
    setImmediate(say('i2'));
  },
  an_immediate_that_an_earlier_one_clears() {
    setImmediate(() => { log('i1'); clearImmediate(i2); });
    const i2 = setImmediate(say('i2'));
    setImmediate(say('i3'));
  },
  close_callbacks_after_immediates_and_before_timers() {
    const net = require('net');
    const server = net.createServer(s => s.on('error', () => {})).listen(0, '127.0.0.1', () => {
      const socket = net.connect(server.address().port, '127.0.0.1', () => {
        socket.on('close', say('close'));
        socket.destroy();
        setTimeout(say('timeout'), 0);
        setImmediate(say('immediate'));
        process.nextTick(say('tick'));
        server.close();
        burn(5);
      });
    });
  },

  no_time_and_negative_time_are_a_millisecond() {
    setTimeout(say('one'), 1);
    setTimeout(say('zero'), 0);
    setTimeout(say('negative'), -5);
    burn(10);
  },
  of_two_overdue_the_one_that_was_due_first() {
    setTimeout(say('two'), 20);
    setTimeout(say('one'), 1);
    burn(30);
  },
  those_of_one_duration_together() {
    setTimeout(say('a1'), 10);
    setTimeout(say('b'), 15);
    burn(10);
    setTimeout(say('a2'), 10);
    burn(30);
  },
  one_that_an_earlier_one_clears() {
    setTimeout(() => { log('t1'); clearTimeout(t2); }, 1);
    const t2 = setTimeout(say('t2'), 1);
    setTimeout(say('t3'), 1);
    burn(5);
  },
  an_interval_that_clears_itself() {
    let n = 0;
    const i = setInterval(() => {
      log('i');
      if (++n === 3) { clearInterval(i); setTimeout(say('end'), 1); }
    }, 1);
  },
  an_interval_is_set_again_before_its_ticks() {
    let n = 0;
    const i = setInterval(() => {
      log('i');
      if (++n === 2) clearInterval(i);
      else process.nextTick(say('tick'));
    }, 2);
    setTimeout(say('t'), 2);
    burn(5);
  },
  an_exception_that_is_handled() {
    process.on('uncaughtException', say('caught'));
    setTimeout(() => { log('t1'); throw new Error('no'); }, 1);
    setTimeout(say('t2'), 1);
    burn(5);
  },
  what_is_unreferenced_keeps_nothing() {
    setTimeout(say('never'), 1000000).unref();
    setImmediate(() => setImmediate(say('never')).unref());
    setTimeout(say('t'), 1);
    log('main');
    burn(5);
  },

  two_chains_take_turns() {
    Promise.resolve().then(say('a')).then(say('b')).then(say('c'));
    Promise.resolve().then(say('x')).then(say('y'));
  },
  async_functions_take_turns_where_they_await() {
    async function f() { log('f1'); await null; log('f2'); await null; log('f3'); }
    async function g() { log('g1'); await null; log('g2'); }
    f();
    g();
    log('main');
  },
  a_rejection_passes_one_handler_a_turn() {
    Promise.reject(new Error('no')).then(say('skipped')).then(say('skipped')).catch(say('caught')).finally(say('finally'));
    Promise.resolve().then(say('a')).then(say('b')).then(() => {}).then(say('c'));
  },
  reactions_after_what_resolves() {
    let resolve;
    const p = new Promise(r => { resolve = r; });
    for (const word of ['r1', 'r2', 'r3']) p.then(say(word));
    setTimeout(() => { resolve(1); log('timer'); }, 1);
    setTimeout(say('next'), 1);
    burn(5);
  },
  all_waits_for_the_last() {
    const after = (ms, word) => new Promise(r => { setTimeout(() => { log(word); r(); }, ms); });
    Promise.all([after(20, 't2'), after(1, 't1')]).then(say('all'));
  },
};

cases[process.argv[2]]();
