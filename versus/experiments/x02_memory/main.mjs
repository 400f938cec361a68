// X2 in Node: what a waiting async function occupies, by the number of async callers above it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Bench, cpu, residentKinds, settled, status } from '../../kit/kit.mjs';

async function deep(depth, gate) {
  if (depth > 0) return await deep(depth - 1, gate) + 1;
  await gate;
  return 0;
}

// What the process occupies once that stands still, by kind.
async function occupied() {
  await settled();
  return residentKinds();
}

async function waiting(b, variant, n, depth) {
  if (!b.wants(variant)) return;
  let open;
  const gate = new Promise(resolve => { open = resolve; });
  const space = status('VmSize'), memory = await occupied(), c = cpu();
  const tasks = new Array(n);
  for (let i = 0; i < n; i++) tasks[i] = deep(depth, gate);
  const spent = cpu() - c, held = await occupied(), mapped = status('VmSize') - space;
  open();
  const woken = (await Promise.all(tasks)).filter(d => d === depth).length;
  report(b, variant, n, memory, held, mapped, spent, woken);
}

// What Node has in place of a thread: a worker, with a V8 of its own.
async function workers(b, variant, n) {
  if (!b.wants(variant)) return;
  const echo = `const { parentPort } = require('worker_threads');
    parentPort.once('message', () => parentPort.postMessage('woken')); parentPort.postMessage('ready');`;
  const space = status('VmSize'), memory = await occupied(), c = cpu();
  const all = Array.from({ length: n }, () => new Worker(echo, { eval: true }));
  await Promise.all(all.map(w => once(w, 'message')));
  const spent = cpu() - c, held = await occupied(), mapped = status('VmSize') - space;
  const answers = Promise.all(all.map(w => once(w, 'message')));
  for (const w of all) w.postMessage('open');
  report(b, variant, n, memory, held, mapped, spent, (await answers).filter(([m]) => m === 'woken').length);
}

function report(b, variant, n, memory, held, space, spent, woken) {
  b.emitMemory(variant, n, memory, held, 'B/task');
  b.emit(variant, n, 'space', space / n, 'B/task');
  b.emit(variant, n, 'cpu', spent / n, 'ns/task');
  b.emit(variant, n, 'check', woken, 'count');
}

const b = new Bench('X2');
const n = b.quick ? 20_000 : 100_000;
await waiting(b, 'depth0', n, 0);
await waiting(b, 'depth12', n, 12);
await waiting(b, 'depth48', n, 48);
await workers(b, 'thread', b.quick ? 8 : 32);
