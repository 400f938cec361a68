// X14 in Node: how deep a function may call, what the way down costs, and what it leaves behind.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Bench, cpu, settled } from '../../kit/kit.mjs';

const calls = 2000;

// One call deeper until left is 0; returns how many calls there were. `c.reached` counts them on the way down.
function descend(left, c) {
  const frame = left & 63;
  c.reached++;
  return left === 1 ? 1 : descend(left - 1, c) + (frame >= 0 ? 1 : 0);
}

function attempt(wanted) {
  const c = { reached: 0 };
  try {
    return { reached: c.reached, result: descend(wanted, c), all: c.reached };
  } catch (e) {
    return { reached: c.reached, refused: e instanceof RangeError };
  }
}

function report(b, variant, wanted, got) {
  const reached = got.refused ? got.reached : got.all;
  const right = got.refused ? reached > 100 && reached < wanted : got.result === wanted && reached === wanted;
  b.emit(variant, wanted, 'refused', 100 * (1 - reached / wanted), '%');
  b.emit(variant, wanted, 'died', 0, '%'); // a RangeError that was caught
  b.emit(variant, wanted, 'untold', 0, '%');
  b.emit(variant, wanted, 'check', right ? wanted : 0, 'count');
}

// Async functions that descend, wait at a gate, and descend again.
async function descents(b, n) {
  const down = () => descend(calls, { reached: 0 });
  let sum = 0, open, ready = 0;
  const gate = new Promise(resolve => { open = resolve; });
  async function task() {
    sum += down();
    ready++;
    await gate;
    sum += down();
  }
  const memory = await settled();
  let first = cpu();
  const tasks = Array.from({ length: n }, task);
  first = cpu() - first;
  const kept = await settled() - memory;
  let again = cpu();
  open();
  await Promise.all(tasks);
  again = cpu() - again;
  if (b === null || ready !== n) return;
  b.emit('descend', 2 * n * calls, 'first', first / (n * calls), 'ns/call');
  b.emit('descend', 2 * n * calls, 'again', again / (n * calls), 'ns/call');
  b.emit('descend', 2 * n * calls, 'kept', Math.max(0, kept) / 1024 / n, 'KiB/task');
  b.emit('descend', 2 * n * calls, 'check', sum, 'count');
}

if (isMainThread) {
  const b = new Bench('X14');
  if (b.wants('default')) report(b, 'default', 10000, attempt(10000));
  if (b.wants('asked')) {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: 1000000, resourceLimits: { stackSizeMb: 256 },
    });
    report(b, 'asked', 1000000, await new Promise(resolve => worker.on('message', resolve)));
  }
  if (b.wants('descend')) {
    const n = b.quick ? 100 : 200;
    await descents(null, n); // for the JIT compiler
    await descents(b, n);
  }
} else {
  parentPort.postMessage(attempt(workerData));
}
