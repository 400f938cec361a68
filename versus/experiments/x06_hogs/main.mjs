// X6 in Node: how late is a ticker of 1 ms beside async functions that compute and never await?
import os from 'node:os';
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
  b.emit(variant, ticks, 'check', did.includes(0) ? 0 : late.filter(l => l >= 0).length, 'count');
}

const b = new Bench('X6'), unitAlone = await alone(b.quick), processors = os.cpus().length;
await ticker(b, 'hogs0', 0, unitAlone);
await ticker(b, 'hogs1', 1, unitAlone);
await ticker(b, 'hogsP', processors, unitAlone);
await ticker(b, 'hogs4P', 4 * processors, unitAlone);
