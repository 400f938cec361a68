// X15 in Node: requests that wait 100 ms each, all at once on one thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, cpu, peak, wall } from '../../kit/kit.mjs';

async function measure(b, variant, n) {
  if (!b.wants(variant)) return;
  let begun = 0, served = 0, most = 0;
  async function serve() {
    if (begun++ % (n / 10) === n / 10 - 1) most = Math.max(most, peak());
    const start = wall();
    await sleep(100);
    // Timers count whole milliseconds: one that is set late in one of them ends up to 1 ms early.
    if (wall() - start >= 99e6) served++;
  }
  const before = peak(), c = cpu(), start = wall();
  await Promise.all(Array.from({ length: n }, serve));
  b.emit(variant, n, 'request', (wall() - start) / 1e3 / n, 'us/request');
  b.emit(variant, n, 'memory', (Math.max(most, peak()) - before) / 2 ** 20, 'MiB');
  b.emit(variant, n, 'cpu', (cpu() - c) / 1e3 / n, 'us/request');
  b.emit(variant, n, 'check', served, 'count');
}

const b = new Bench('X15');
await measure(b, 'task', 1000);
await measure(b, 'task10k', 10000);
