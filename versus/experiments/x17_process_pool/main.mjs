// X17 in Node: calls to processes made by fork, and what is left when one dies. The pool is made by hand.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { Bench, ownKinds, wall } from '../../kit/kit.mjs';

const MEBIBYTE = 1 << 20;

function touch(bytes) {
  bytes[0]++;
  bytes[bytes.length - 1]++;
  return bytes;
}

// What the processes are called for.
const calls = {
  next: i => i + 1,
  copied: touch,
  nap: async ms => { await sleep(ms); return ms; },
  die: async () => { await sleep(20); process.kill(process.pid, 'SIGKILL'); },
};

// Hands calls to processes that have none. If one dies its call fails, and another one takes its place.
class Pool {
  killed = 0;
  children = new Set();
  #free = [];
  #waiting = [];
  constructor(size) {
    for (let i = 0; i < size; i++) this.#start();
  }
  async call(what, argument) {
    const child = this.#free.shift() ?? await new Promise(resolve => { this.#waiting.push(resolve); });
    return new Promise((resolve, reject) => {
      child.settle = { resolve, reject };
      child.send([what, argument]);
    });
  }
  close() {
    for (const child of this.children) child.removeAllListeners('exit').disconnect();
  }
  #start() {
    const child = fork(fileURLToPath(import.meta.url), { serialization: 'advanced' }); // a Buffer as bytes, not as JSON
    this.children.add(child);
    child.on('message', answer => {
      child.settle.resolve(answer);
      this.#give(child);
    });
    child.on('exit', (code, signal) => {
      this.children.delete(child);
      if (signal === 'SIGKILL') this.killed++;
      child.settle?.reject(new Error(`the process ended: ${signal ?? code}`));
      this.#start();
    });
    this.#give(child);
  }
  #give(child) {
    const next = this.#waiting.shift();
    if (next !== undefined) next(child);
    else this.#free.push(child);
  }
}

// One call after the other; call(i) says whether the answer was right.
async function timeCalls(b, variant, n, call) {
  if (!b.wants(variant)) return;
  if (!b.quick) n *= 10;
  for (let i = 0; i < n / 10; i++) await call(i);
  let right = 0;
  const start = wall();
  for (let i = 0; i < n; i++) if (await call(i)) right++;
  b.emit(variant, n, 'wall', (wall() - start) / 1e3 / n, 'us/call');
  b.emit(variant, n, 'check', right, 'count');
}

async function timeAllCalls(b) {
  const pool = new Pool(2);
  const bytes = Buffer.alloc(MEBIBYTE);
  const mark = (all, i) => { all[0] = all[MEBIBYTE - 1] = i; };
  const isTouched = (seen, i) => [seen[0], seen[MEBIBYTE - 1]].every(x => x === (i + 1 & 255));
  await timeCalls(b, 'call', 1000, async i => await pool.call('next', i) === i + 1);
  await timeCalls(b, 'copied', 30, async i => {
    mark(bytes, i);
    return isTouched(await pool.call('copied', bytes), i);
  });
  pool.close();
  if (b.wants('thread')) {
    const worker = new Worker(new URL(import.meta.url));
    const shared = new Uint8Array(new SharedArrayBuffer(MEBIBYTE));
    await timeCalls(b, 'thread', 1000, async i => {
      mark(shared, i);
      worker.postMessage(shared);
      await once(worker, 'message');
      return isTouched(shared, i);
    });
    await worker.terminate();
  }
}

async function weighWorkers(b) {
  if (!b.wants('worker')) return;
  const heap = Buffer.alloc(64 * MEBIBYTE, 1);
  const pool = new Pool(2);
  const naps = await Promise.all([20, 20].map(ms => pool.call('nap', ms)));
  const own = [...pool.children].map(child => ownKinds(child.pid));
  b.emitMemory('worker', 2, [0, 0, 0], own[0].map((v, i) => v + own[1][i]), 'MiB/worker');
  b.emit('worker', 2, 'check', naps.length + heap[0] - 1, 'count');
  pool.close();
}

async function killAWorker(b) {
  if (!b.wants('death')) return;
  const pool = new Pool(2), limit = b.quick ? 2000 : 5000, start = wall();
  const deadline = new AbortController();
  const hung = sleep(limit, undefined, { signal: deadline.signal }).catch(() => {});
  const doomed = pool.call('die').catch(() => (wall() - start) / 1e6);
  const others = [50, 50, 50, 50, 50, 50, 50].map(ms => pool.call('nap', ms));
  const told = await Promise.race([doomed, hung]) ?? limit;
  deadline.abort();
  others.push(...[5, 5, 5, 5].map(ms => pool.call('nap', ms)));
  const good = (await Promise.allSettled(others)).filter(o => o.status === 'fulfilled').length;
  b.emit('death', 1, 'lost', 100 * (11 - good) / 11, '%');
  b.emit('death', 1, 'told', told, 'ms');
  b.emit('death', 1, 'check', pool.killed, 'count');
  pool.close();
}

if (!isMainThread) {
  parentPort.on('message', bytes => parentPort.postMessage(touch(bytes)));
} else if (process.send !== undefined) {
  process.on('message', async ([what, argument]) => process.send(await calls[what](argument)));
} else {
  const b = new Bench('X17');
  if (['call', 'copied', 'thread'].some(v => b.wants(v))) await timeAllCalls(b);
  await weighWorkers(b);
  await killAWorker(b);
}
