// X16 in Node: what an interpreter's lock forbids Python's threads, done by workers, which share nothing but what they are given.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { Bench, wall } from '../../kit/kit.mjs';

// It calls nothing and waits for nothing; xorshift never gets to zero.
function compute(steps) {
  let x = 1;
  for (let i = 0; i < steps; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

const afterDeposit = x => x + 1;
// As atomic operations: else it would be a data race.
function deposit({ balance, each }) {
  for (let i = 0; i < each; i++) Atomics.store(balance, 0, afterDeposit(Atomics.load(balance, 0)));
  return each;
}

// What a worker or a process does with a message.
const answer = m => typeof m === 'number' ? compute(m) : m.stop ? hog(m.stop) : deposit(m);
function hog(stop) {
  while (Atomics.load(stop, 0) === 0) compute(100_000);
  return 'stopped';
}

// The best of some tries: what a machine that does other things, too, can show.
async function bestOf(b, f) {
  let best = await f();
  for (let i = b.quick ? 2 : 6; i > 0; i--) best = Math.min(best, await f());
  return best;
}
async function wallOf(f) {
  const start = wall();
  await f();
  return wall() - start;
}

// Workers or processes, that are there already: the start of one is X8's affair.
async function ask(all, message) {
  const done = Promise.all(all.map(w => once(w, 'message')));
  for (const w of all) (w.postMessage ?? w.send).call(w, message);
  return (await done).map(([x]) => x);
}
async function makeWorkers(n) {
  const all = Array.from({ length: n }, () => new Worker(new URL(import.meta.url)));
  await ask(all, 1e6); // for the JIT compiler
  return all;
}
const end = workers => Promise.all(workers.map(w => w.terminate()));

// How much longer n tasks take than one.
async function slowDown(b, variant, all) {
  const steps = b.quick ? 8e6 : 100e6;
  let wanted, alone = Infinity, results;
  const together = await bestOf(b, async () => {
    alone = Math.min(alone, await wallOf(() => { wanted = compute(steps); }));
    return wallOf(async () => { results = await ask(all, steps); });
  });
  b.emit(variant, all.length, 'slowdown', together / alone, 'times one');
  b.emit(variant, all.length, 'check', results.filter(r => r === wanted).length, 'count');
}

// Short waits, beside a worker that computes.
async function waitBeside(b, worker) {
  const n = b.quick ? 50 : 1000;
  let done;
  const waits = async () => { for (done = 0; done < n; done++) await sleep(1); };
  const alone = await wallOf(waits);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const stopped = ask([worker], { stop });
  const beside = await wallOf(waits);
  Atomics.store(stop, 0, 1);
  await stopped;
  b.emit('beside', n, 'slowdown', beside / alone, 'times one');
  b.emit('beside', n, 'check', done, 'count');
}

async function loseUpdates(b, workers) {
  const each = b.quick ? 5e5 : 20e6, n = 4 * each;
  const balance = new Int32Array(new SharedArrayBuffer(4));
  const done = await ask(workers, { balance, each });
  b.emit('lost', n, 'lost', 100 * (1 - balance[0] / n), '%');
  b.emit('lost', n, 'check', done.reduce((sum, d) => sum + d, 0), 'count');
}

if (process.send !== undefined) {
  process.on('message', m => process.send(answer(m)));
} else if (!isMainThread) {
  parentPort.on('message', m => parentPort.postMessage(answer(m)));
} else {
  const b = new Bench('X16');
  compute(1e6); // for the JIT compiler
  const workers = await makeWorkers(4);
  if (b.wants('two')) await slowDown(b, 'two', workers.slice(0, 2));
  if (b.wants('every')) {
    const every = await makeWorkers(os.availableParallelism());
    await slowDown(b, 'every', every);
    await end(every);
  }
  if (b.wants('processes')) {
    const children = [0, 1].map(() => fork(fileURLToPath(import.meta.url), { serialization: 'advanced' }));
    await ask(children, 1e6);
    await slowDown(b, 'processes', children);
    for (const c of children) c.disconnect();
  }
  if (b.wants('beside')) await waitBeside(b, workers[0]);
  if (b.wants('lost')) await loseUpdates(b, workers);
  await end(workers);
}
