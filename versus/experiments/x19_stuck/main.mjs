// X19 in Node: programs that are stuck, each in a process of its own; what are we told?
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EventEmitter, on } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench } from '../../kit/kit.mjs';

// Announces the line that it is called in: of a task that is going to be stuck.
const place = () => console.log('place', /main\.mjs:(\d+)/.exec(new Error().stack.split('\n')[2])[1]);

// A lock and a latch of promises, as programs make them.
class Lock {
  #last = Promise.resolve();
  async acquire() {
    const before = this.#last;
    let release;
    this.#last = new Promise(r => release = r);
    await before;
    return release;
  }
}
class Latch {
  constructor(n) { this.left = n; this.done = new Promise(r => this.open = r); }
  countDown() { if (--this.left === 0) this.open(); }
}

async function tick(ms) {
  for (const end = performance.now() + ms; performance.now() < end;) await sleep(10);
}
function startRing() {
  const a = new Lock(), b = new Lock(), both = new Latch(2);
  const lockBoth = async (first, second) => {
    await first.acquire();
    both.countDown();
    await both.done;
    place(); await second.acquire();
  };
  return [lockBoth(a, b), lockBoth(b, a)];
}
function startHundred() {
  const c = new EventEmitter();
  c.setMaxListeners(100);
  const got = [], tasks = [];
  for (let i = 0; i < 100; i++) tasks.push((async () => {
    if (i === 99) place();
    await new Promise(r => got.push(r));
  })());
  for (let i = 0; i < 97; i++) got.shift()(i);
  return tasks;
}

const cases = {
  async close() {
    const c = new EventEmitter();
    const consume = async () => { place(); for await (const _ of on(c, 'value')) { } };
    const consumer = consume();
    c.emit('value', 1); // and nothing that says it was the last
    await consumer;
  },
  async group() {
    const all = new Latch(4);
    for (let i = 0; i < 3; i++) queueMicrotask(() => all.countDown());
    place(); await all.done;
  },
  async promise() { place(); await new Promise(() => { }); },
  async locks() { await Promise.all(startRing()); },
  async ring() { startRing(); await tick(3600e3); },
  async hundred() { await Promise.all(startHundred()); },
  async leak() { startHundred(); await tick(300); },
};

const told = /deadlock|unsettled|never ended|still wait/i;
const what = /\b(receive|mutex|lock|wait_?group|latch|future|promise|queue)\b/i;

// Facts that the program did not tell, in percent; ms until it told, or ended, or was given up; whether it was stuck.
function watch(name, limit) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--plant', name], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '', begin, took = 0;
    const places = new Set();
    let over = setTimeout(() => child.kill('SIGKILL'), limit + 10e3);
    const hear = piece => {
      text += piece;
      for (const [, line] of text.matchAll(/^place (\d+)$/gm)) places.add(line);
      if (begin === undefined && places.size > 0) {
        begin = performance.now();
        clearTimeout(over);
        over = setTimeout(() => { took ||= limit; child.kill('SIGKILL'); }, limit);
      }
      if (!took && told.test(text)) took = performance.now() - begin;
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('close', () => {
      clearTimeout(over);
      took ||= performance.now() - begin;
      const isTold = told.test(text), where = places.size > 0 && [...places].every(n => text.includes(`main.mjs:${n}`));
      const facts = isTold ? 1 + what.test(text) + where : 0;
      resolve([100 * (3 - facts) / 3, took, Math.min(places.size, 1)]);
    });
  });
}

if (process.argv[2] === '--plant') {
  await cases[process.argv[3]]();
} else {
  const b = new Bench('X19'), limit = b.quick ? 3000 : 10000;
  await Promise.all(Object.keys(cases).filter(name => b.wants(name)).map(async name => {
    const [missing, took, planted] = await watch(name, limit);
    b.emit(name, 1, 'missing', missing, '%');
    b.emit(name, 1, 'time', took, 'ms');
    b.emit(name, 1, 'check', planted, 'count');
  }));
}
