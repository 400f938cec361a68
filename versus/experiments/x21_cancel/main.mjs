// X21 in Node: a tree of async functions with abort signals; one task of the root fails, and all others end.
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, cpu, wall } from '../../kit/kit.mjs';

const leaves = 10_000;
let waiting = 0, ended = 0;

// Runs the tasks; if one fails, aborts the others and waits for them.
async function group(outer, start) {
  const own = new AbortController();
  const signal = AbortSignal.any(outer ? [outer, own.signal] : [own.signal]);
  setMaxListeners(0, signal);
  const tasks = start(signal);
  try {
    return await Promise.all(tasks);
  } catch (error) {
    own.abort(error);
    await Promise.allSettled(tasks);
    throw error;
  }
}

async function node(signal, depth) {
  if (depth === 0) {
    waiting++;
    try {
      return await sleep(3600e3, undefined, { signal });
    } finally {
      ended++;
    }
  }
  return group(signal, inner => Array.from({ length: 10 }, () => node(inner, depth - 1)));
}

const b = new Bench('X21');
for (let run = 0; run < (b.quick ? 3 : 9); run++) {
  waiting = ended = 0;
  let c, start;
  const fail = async () => {
    while (waiting !== leaves) await sleep(1);
    await sleep(20);
    c = cpu(), start = wall();
    throw new Error('one fails');
  };
  try {
    await group(null, signal => [node(signal, 4), fail()]);
  } catch {
    b.emit('tree', leaves, 'gone', (wall() - start) / 1e3, 'us');
    b.emit('tree', leaves, 'cpu', (cpu() - c) / leaves, 'ns/leaf');
    b.emit('tree', leaves, 'check', ended, 'count');
  }
}
