// A hundred thousand tasks, each of which waits for a while.
import { setTimeout as sleep } from 'node:timers/promises';

let answered = 0;

async function request() {
  await sleep(100);
  ++answered;
}

await Promise.all(Array.from({ length: 100_000 }, request));
console.log(`${answered} requests`);
