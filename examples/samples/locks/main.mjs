// Three ways to count safely among workers: a lock for a block, a lock that is tried for a while, and an atomic. On one thread none of
// them is needed.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

const [lock, timed, guarded, tried, counter] = [0, 1, 2, 3, 4]; // places in the shared array

// In place of the locks that the language has not: 0 is free.
function tryLock(cells, at, atMost = Infinity) {
  const until = performance.now() + atMost;
  while (Atomics.compareExchange(cells, at, 0, 1) !== 0) {
    if (Atomics.wait(cells, at, 1, until - performance.now()) === 'timed-out') return false;
  }
  return true;
}
function unlock(cells, at) {
  Atomics.store(cells, at, 0);
  Atomics.notify(cells, at, 1);
}

if (isMainThread) {
  const cells = new Int32Array(new SharedArrayBuffer(5 * 4));
  const program = fileURLToPath(import.meta.url);
  const four = Array.from({ length: 4 }, () => new Worker(program, { workerData: cells }));
  await Promise.all(four.map(worker => once(worker, 'exit')));
  console.log(cells[guarded], cells[tried], cells[counter]);
} else {
  const cells = workerData;
  for (let n = 0; n < 1000; ++n) {
    tryLock(cells, lock);
    try {
      cells[guarded]++;
    } finally {
      unlock(cells, lock);
    }
    while (!tryLock(cells, timed, 100));
    try {
      cells[tried]++;
    } finally {
      unlock(cells, timed);
    }
    Atomics.add(cells, counter, 1);
  }
}
