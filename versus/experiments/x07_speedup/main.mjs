// X7 in Node: computing on all processors: in async functions, which cannot, in workers, and in processes.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { Bench, cpu, wall } from '../../kit/kit.mjs';

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

const processors = os.availableParallelism();

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

// How much longer P tasks take than one. all(steps) resolves with the results of P tasks.
async function speedup(b, variant, all) {
  if (!b.wants(variant)) return;
  const steps = b.quick ? 8e6 : 40e6;
  let wanted, alone = Infinity, results;
  const together = await bestOf(b, async () => {
    alone = Math.min(alone, await wallOf(() => { wanted = compute(steps); }));
    return wallOf(async () => { results = await all(steps); });
  });
  b.emit(variant, processors, 'slowdown', together / alone, 'times one');
  b.emit(variant, processors, 'check', results.filter(r => r === wanted).length, 'count');
}

// Tasks of a microsecond each.
async function fineGrained(b) {
  if (!b.wants('fine')) return;
  const n = b.quick ? 3e4 : 4e5, probe = 4e6;
  const ns = await bestOf(b, () => {
    const from = cpu(); // not wall time: on a busy machine that would make the tasks too small
    compute(probe);
    return cpu() - from;
  });
  const steps = Math.max(1, Math.floor(1000 * probe / ns));
  const task = async () => compute(steps) !== 0 ? 1 : 0;
  let right, work = Infinity, workWall = Infinity, took = Infinity;
  const spent = await bestOf(b, async () => {
    let from = cpu();
    workWall = Math.min(workWall, await wallOf(() => {
      for (let i = 0; i < n; i++) if (compute(steps) === 0) throw new Error('zero');
    }));
    work = Math.min(work, cpu() - from);
    from = cpu();
    took = Math.min(took, await wallOf(async () => {
      right = (await Promise.all(Array.from({ length: n }, task))).reduce((a, r) => a + r, 0);
    }));
    return cpu() - from;
  });
  b.emit('fine', n, 'lost', Math.max(0, 100 * (1 - work / spent)), '%');
  b.emit('fine', n, 'slowdown', took * processors / workWall, 'times one');
  b.emit('fine', n, 'check', right, 'count');
}

// Workers, or processes, that are there already: the start of one is X8's affair.
async function answering(all) {
  const answers = () => Promise.all(all.map(w => once(w, 'message')));
  const ready = answers();
  await ready;
  return async steps => {
    const done = answers();
    for (const w of all) (w.postMessage ?? w.send).call(w, steps);
    return (await done).map(([x]) => x);
  };
}

if (process.send !== undefined) {
  process.on('message', steps => process.send(compute(steps)));
  process.send('ready');
} else if (!isMainThread) {
  parentPort.on('message', steps => parentPort.postMessage(compute(steps)));
  parentPort.postMessage('ready');
} else {
  const b = new Bench('X7');
  const list = Array.from({ length: processors });
  compute(1e6); // for the JIT compiler
  await speedup(b, 'tasks', steps => Promise.all(list.map(async () => compute(steps))));
  if (b.wants('threads')) {
    const workers = list.map(() => new Worker(new URL(import.meta.url)));
    await speedup(b, 'threads', await answering(workers));
    await Promise.all(workers.map(w => w.terminate()));
  }
  if (b.wants('processes')) {
    const children = list.map(() => fork(fileURLToPath(import.meta.url)));
    await speedup(b, 'processes', await answering(children));
    for (const c of children) c.disconnect();
  }
  await fineGrained(b);
}
