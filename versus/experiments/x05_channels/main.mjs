// X5 in Node: what stands in for channels and select, and a timer. There is no lock: there is one thread.
import { Bench } from '../../kit/kit.mjs';

// A bounded queue of promises. send and recv return a promise only when they have to wait.
class Channel {
  constructor(capacity) { Object.assign(this, { ring: new Array(capacity), head: 0, count: 0, takers: [], givers: [] }); }
  put(v) { this.ring[(this.head + this.count++) % this.ring.length] = v; }
  send(v) {
    if (this.takers.length > 0) return this.takers.shift()(v);
    if (this.count < this.ring.length) return this.put(v);
    return new Promise(resolve => this.givers.push([v, resolve]));
  }
  recv() {
    if (this.count === 0) return new Promise(resolve => this.takers.push(resolve));
    const v = this.ring[this.head];
    this.head = (this.head + 1) % this.ring.length;
    this.count--;
    if (this.givers.length > 0) { const [w, resolve] = this.givers.shift(); this.put(w); resolve(); }
    return v;
  }
}

async function sendAll(c, rounds) {
  for (let i = 0; i < rounds; i++) { const full = c.send(i & 1023); if (full) await full; }
}
async function receiveAll(c, rounds) {
  let sum = 0;
  for (let i = 0; i < rounds; i++) { const v = c.recv(); sum += typeof v === 'number' ? v : await v; }
  return sum;
}

// As many pairs of one sender and one receiver on one channel of 128.
async function buffered(rounds, pairs) {
  const c = new Channel(128), sums = [];
  for (let k = 0; k < pairs; k++) {
    sums.push(receiveAll(c, rounds));
    sendAll(c, rounds);
  }
  return (await Promise.all(sums)).reduce((a, b) => a + b);
}

// The language's own hand-over of one value at a time: an async generator.
async function* generate(rounds) { for (let i = 0; i < rounds; i++) yield i & 1023; }
async function unbuffered(rounds) {
  let sum = 0;
  for await (const v of generate(rounds)) sum += v;
  return sum;
}

// Whichever of four generators is first: Promise.race, and ask the winner again.
async function select(rounds) {
  const sources = Array.from({ length: 4 }, () => generate(rounds));
  const ask = i => sources[i].next().then(({ value, done }) => done ? new Promise(() => {}) : [i, value]);
  const next = sources.map((_, i) => ask(i));
  let sum = 0;
  for (let n = 0; n < 4 * rounds; n++) {
    const [i, value] = await Promise.race(next);
    sum += value;
    next[i] = ask(i);
  }
  return sum;
}

// Start a timer of an hour, stop it before it fires.
function timer(rounds) {
  let stopped = 0;
  for (let i = 0; i < rounds; i++) { clearTimeout(setTimeout(() => {}, 3_600_000)); stopped++; }
  return stopped;
}

const b = new Bench('X5');
await b.measure('buffered', 1, rounds => buffered(rounds, 1));
await b.measure('unbuffered', 1, unbuffered);
await b.measure('mpmc', 4, rounds => buffered(rounds, 4));
await b.measure('select', 4, select);
await b.measure('timer', 1, timer);
