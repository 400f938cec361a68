// X8 in Node: how long it takes until a worker has sent its first message, and what it occupies.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Bench, residentKinds, settled } from '../../kit/kit.mjs';

const answering = `const { parentPort } = require('worker_threads');
  parentPort.on('message', m => m === 'end' ? parentPort.close() : parentPort.postMessage(m));
  parentPort.postMessage(1);`;

async function started() {
  const worker = new Worker(answering, { eval: true });
  const [message] = await once(worker, 'message');
  return [worker, message];
}

// Started, heard, ended; then the next.
async function boots(rounds) {
  let messages = 0;
  for (let i = 0; i < rounds; i++) {
    const [worker, message] = await started();
    messages += message;
    worker.postMessage('end');
    await once(worker, 'exit');
  }
  return messages;
}

const b = new Bench('X8');
await b.measure('boot', 1, boots);
if (b.wants('held')) {
  const n = b.quick ? 8 : 32, all = [];
  await settled();
  const before = residentKinds();
  let messages = 0;
  for (let i = 0; i < n; i++) {
    const [worker, message] = await started();
    all.push(worker);
    messages += message;
  }
  await settled();
  b.emitMemory('held', n, before, residentKinds(), 'B/task');
  b.emit('held', n, 'check', messages, 'count');
  for (const worker of all) worker.postMessage('end');
}
