// X27 in Node: what promises cost: a link of a chain of continuations, starting a task and awaiting it, waiting for many.
import { Bench } from '../../kit/kit.mjs';

// A chain of a thousand continuations on a promise that is then fulfilled.
async function chain(rounds) {
  let sum = 0;
  for (let r = 0; r < rounds; r++) {
    let fulfil;
    let last = new Promise(resolve => { fulfil = resolve; });
    for (let i = 0; i < 1000; i++) last = last.then(n => n + 1);
    fulfil(0);
    sum += await last;
  }
  return sum;
}

// One continuation of a promise that is fulfilled already, and wait for it.
async function link(rounds) {
  let sum = 0;
  for (let r = 0; r < rounds; r++) sum += await Promise.resolve(0).then(n => n + 1);
  return sum;
}

const task = async () => 1;

// Start a task, wait for its result.
async function start(rounds) {
  let sum = 0;
  for (let r = 0; r < rounds; r++) sum += await task();
  return sum;
}

// Start a thousand, wait for all results at once.
async function every(rounds) {
  let sum = 0;
  for (let r = 0; r < rounds; r++) for (const n of await Promise.all(Array.from({ length: 1000 }, task))) sum += n;
  return sum;
}

// supplyAsync, thenApply, thenCompose, join.
async function compose(rounds) {
  const zero = async () => 0;
  const later = async n => n;
  let sum = 0;
  for (let r = 0; r < rounds; r++) sum += await zero().then(n => n + 1).then(n => later(n));
  return sum;
}

const b = new Bench('X27');
await b.measure('chain', 1000, chain);
await b.measure('link', 1, link);
await b.measure('start', 1, start);
await b.measure('all', 1000, every);
await b.measure('compose', 1, compose);
