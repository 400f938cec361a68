// X1 in Node: many async functions sleep at the same time.
import { Bench, cpu, peak, resident, wall } from '../../kit/kit.mjs';

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

async function sleepers(b, variant, n, nap) {
  if (!b.wants(variant)) return;
  let woken = 0;
  const memory = resident(), c = cpu(), start = wall();
  await Promise.all(Array.from({ length: n }, async () => {
    await sleep(nap);
    woken++;
  }));
  const took = wall() - start;
  b.emit(variant, n, 'cpu', (cpu() - c) / n, 'ns/task');
  b.emit(variant, n, 'beyond', took / 1e6 - nap, 'ms');
  b.emit(variant, n, 'memory', (peak() - memory) / n, 'B/task');
  b.emit(variant, n, 'check', woken, 'count');
}

const b = new Bench('X1');
await sleepers(b, '10k', 10_000, 100);
await sleepers(b, '100k', 100_000, 100);
await sleepers(b, '1M', 1_000_000, 1000);
