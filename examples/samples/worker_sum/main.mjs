// A worker that is given an array, and sends its sum back.
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { array: [1, 2, 3, 4, 5] },
  });
  worker.on('message', result => console.log('Result:', result));
} else {
  // runs in a separate thread, and has a heap of its own
  const sum = workerData.array.reduce((a, b) => a + b, 0);
  parentPort.postMessage(sum);
}
