// The first of several answers, or a timeout. Who comes too late is told to stop: a timer keeps the process.
import { setTimeout as sleep } from 'node:timers/promises';

// Asks two mirrors and takes the answer that comes first.
async function ask(firstTakes, secondTakes) {
  const late = new AbortController();
  const after = (time, answer) => sleep(time, answer, { signal: late.signal });
  const all = [after(firstTakes, 'first mirror'), after(secondTakes, 'second mirror'), after(300, 'timeout')];
  try {
    return await Promise.race(all);
  } finally {
    late.abort();
    await Promise.allSettled(all);
  }
}

const hour = 3_600_000;
console.log(await ask(5, 250));
console.log(await ask(250, 5));
console.log(await ask(hour, hour));
