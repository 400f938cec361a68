// X9 in Node: what it costs to hand data to a worker: by structured clone, by transfer, and as a SharedArrayBuffer.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Bench } from '../../kit/kit.mjs';

// The worker answers with what it finds at the end.
const answering = `const { parentPort } = require('worker_threads');
  parentPort.on('message', m => parentPort.postMessage(
    m instanceof Float64Array ? m[m.length - 1] : m.number));`;
// There and back, so that there is something to give away the next time.
const returning = `const { parentPort } = require('worker_threads');
  parentPort.on('message', m => parentPort.postMessage(m, [m.buffer]));`;

async function handed(worker, rounds, value, right) {
  let answers = 0;
  for (let i = 0; i < rounds; i++) {
    worker.postMessage(value);
    const [answer] = await once(worker, 'message');
    if (answer === right) answers++;
  }
  return answers;
}

function tree(size) {
  if (size === 0) return null;
  const left = Math.floor((size - 1) / 2);
  return { number: size, left: tree(left), right: tree(size - 1 - left) };
}

const b = new Bench('X9');
const size = (b.quick ? 16 << 20 : 64 << 20) / 8;
const worker = new Worker(answering, { eval: true });
if (b.wants('clone')) {
  const all = new Float64Array(size).fill(1);
  await b.measure('clone', 1, rounds => handed(worker, rounds, all, 1));
}
if (b.wants('transfer')) {
  const mirror = new Worker(returning, { eval: true });
  let all = new Float64Array(size).fill(1);
  await b.measure('transfer', 1, async rounds => {
    let answers = 0;
    for (let i = 0; i < rounds; i++) {
      mirror.postMessage(all, [all.buffer]);
      [all] = await once(mirror, 'message');
      if (all[size - 1] === 1) answers++;
    }
    return answers;
  });
  await mirror.terminate();
}
if (b.wants('share')) {
  const all = new Float64Array(new SharedArrayBuffer(size * 8)).fill(1);
  await b.measure('share', 1, rounds => handed(worker, rounds, all, 1));
}
if (b.wants('graph')) {
  const count = b.quick ? 50_000 : 200_000, all = tree(count);
  await b.measure('graph', 1, rounds => handed(worker, rounds, all, count));
}
await worker.terminate();
