// A worker that says hello, and a pool of ten that is given work with a result.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

const works = {
  hello: () => 'Hello from thread',
  fetchData() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10); // blocks its thread
    return 'some data';
  },
};

class Pool {
  #idle = [];
  #waiting = [];
  #all;
  constructor(size) {
    this.#all = Array.from({ length: size }, () => new Worker(fileURLToPath(import.meta.url)));
    this.#idle.push(...this.#all);
  }
  async submit(name) {
    const worker = this.#idle.pop() ?? (await new Promise(resolve => this.#waiting.push(resolve)));
    worker.postMessage(name);
    const [result] = await once(worker, 'message');
    const next = this.#waiting.shift();
    next ? next(worker) : this.#idle.push(worker);
    return result;
  }
  close() {
    return Promise.all(this.#all.map(worker => worker.terminate()));
  }
}

if (isMainThread) {
  const thread = new Pool(1);
  console.log(await thread.submit('hello'));
  await thread.close();

  const pool = new Pool(10);
  console.log(await pool.submit('fetchData'));
  await pool.close();
} else {
  parentPort.on('message', name => parentPort.postMessage(works[name]()));
}
