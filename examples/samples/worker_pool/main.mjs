// Three workers share five jobs: an array is the queue, as nobody comes between two statements.
import { setTimeout as sleep } from 'node:timers/promises';

const jobs = [1, 2, 3, 4, 5];

async function worker(processed) {
  for (let job; (job = jobs.shift()) !== undefined;) {
    console.log(`Job ${job} started`);
    await sleep(100); // simulating an I/O task
    processed(job * 2);
  }
}

const processed = result => console.log(`Result processed: ${result}`);
await Promise.all([1, 2, 3].map(() => worker(processed)));
