// Five jobs at once, and all results when the last one is there.

// simulating an asynchronous job
async function worker(id, job) {
  console.log(`Worker ${id} started job ${job}`);
  // simulating an I/O task (like a database query) using a non-blocking timeout
  await new Promise(resolve => setTimeout(resolve, 100));
  return job * 2;
}

async function main() {
  const jobs = [1, 2, 3, 4, 5];
  // all jobs are kicked off immediately, distributed across 3 simulated workers
  const workerPromises = jobs.map((job, index) => worker((index % 3) + 1, job));
  // wait for all of them and collect the results
  const results = await Promise.all(workerPromises);
  results.forEach(res => console.log(`Result processed: ${res}`));
}

main();
