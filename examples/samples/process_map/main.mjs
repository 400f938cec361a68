// Four computations in four workers, and then one whose result is awaited while the loop goes on.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

function cpuWork(x) {
  let sum = 0n; // beyond 2^53 numbers are not exact
  for (let i = 0n; i < x; ++i) sum += i * i;
  return sum;
}

async function inWorker(x) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: x });
  const [result] = await once(worker, 'message');
  return result;
}

if (isMainThread) {
  const data = [10n ** 6n, 10n ** 6n, 10n ** 6n, 10n ** 6n];
  for (const result of await Promise.all(data.map(inWorker))) console.log(String(result));
  console.log(`awaited: ${await inWorker(1000n)}`);
} else {
  parentPort.postMessage(cpuWork(workerData));
}
