// X6 in Node: how late is a ticker of 1 ms beside async functions that compute and never await? And the timers of the loop, while a
// callback computes, or a worker?
import { once } from 'node:events';
import os from 'node:os';
import { Worker } from 'node:worker_threads';
import { Bench, cpu, wall } from '../../kit/kit.mjs';

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

// A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
function unit(x) {
  for (let i = 0; i < 1000; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

// It ends by the clock: nobody else could run to stop it.
async function hog(end) {
  let units = 0, x = 1;
  do {
    x = unit(x);
    units++;
  } while (wall() < end);
  return x !== 0 ? units : 0;
}

// CPU time of a unit when nothing else runs.
async function alone(quick) {
  const nap = quick ? 100e6 : 500e6;
  for (let i = 0; i < 4; i++) await hog(wall() + nap / 2); // for the JIT compiler
  const c = cpu(), units = await hog(wall() + nap);
  return (cpu() - c) / units;
}

async function ticker(b, variant, hogs, unitAlone) {
  if (!b.wants(variant)) return;
  const ticks = b.quick ? 300 : 1000, late = [], c = cpu(), start = wall();
  const ticking = (async () => {
    for (let due = start + 1e6; late.length < ticks; due += 1e6) {
      while (wall() < due) await sleep((due - wall()) / 1e6);
      late.push((wall() - due) / 1e3);
    }
  })();
  const did = await Promise.all(Array.from({ length: hogs }, () => hog(start + ticks * 1e6)));
  await ticking;
  const spent = cpu() - c, units = did.reduce((a, u) => a + u, 0);
  b.emitLateness(variant, late, 1000);
  late.sort((a, b) => a - b);
  b.emit(variant, ticks, 'p99', late[Math.floor(ticks * 0.99)], 'us');
  b.emit(variant, ticks, 'p50', late[ticks / 2], 'us');
  b.emit(variant, ticks, 'max', late[ticks - 1], 'us');
  if (hogs > 0) b.emit(variant, ticks, 'work', spent / units / unitAlone * 100, '% of alone');
  if (hogs > processors) b.emit(variant, ticks, 'uneven', Math.max(...did) / Math.min(...did), 'times the least');
  b.emit(variant, ticks, 'check', did.includes(0) ? 0 : late.filter(l => l >= 0).length, 'count');
}

// The loop with a timer for each millisecond, all set in the beginning. After 50 ms there is something to compute: compute() promises
// whether it was done.
async function loopTimers(b, variant, compute) {
  if (!b.wants(variant)) return;
  const n = compute ? 400 : 1000, late = new Array(n).fill(-1), ends = [];
  for (let i = 0; i < n; i++) {
    const due = wall() + (i + 1) * 1e6;
    ends.push(sleep(i + 1).then(() => {
      // Timers know whole milliseconds only, and so may be up to one early.
      late[i] = Math.max(0, (wall() - due) / 1e3);
      return true;
    }));
  }
  if (compute) ends.push(sleep(50).then(compute));
  const done = await Promise.all(ends);
  b.emitLateness(variant, late, 1000);
  late.sort((a, b) => a - b);
  b.emit(variant, n, 'max', late[n - 1], 'us');
  b.emit(variant, n, 'p99', late[Math.floor(n * 0.99)], 'us');
  b.emit(variant, n, 'p50', late[n / 2], 'us');
  b.emit(variant, n, 'check', done.every(Boolean) && late[0] >= 0 ? n : 0, 'count');
}

const heavy = async () => await hog(wall() + 300e6) > 0;

// The same in a thread that has been started before.
async function withWorker(f) {
  const worker = new Worker(`${unit}
    const { parentPort } = require('node:worker_threads');
    parentPort.once('message', ms => {
      let x = 1;
      for (const end = performance.now() + ms; performance.now() < end;) x = unit(x);
      parentPort.postMessage(x !== 0);
    });`, { eval: true });
  await once(worker, 'online');
  await f(async () => {
    worker.postMessage(300);
    return (await once(worker, 'message'))[0];
  });
  await worker.terminate();
}

const b = new Bench('X6'), processors = os.cpus().length, unitAlone = await alone(b.quick);
await ticker(b, 'hogs0', 0, unitAlone);
await ticker(b, 'hogs1', 1, unitAlone);
await ticker(b, 'hogsP', processors, unitAlone);
await ticker(b, 'hogs4P', 4 * processors, unitAlone);
await loopTimers(b, 'loop');
await loopTimers(b, 'loopHeavy', heavy);
if (b.wants('loopSpawn')) await withWorker(compute => loopTimers(b, 'loopSpawn', compute));
