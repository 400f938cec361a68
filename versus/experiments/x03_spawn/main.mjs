// X3 in Node: what it costs to start an async function and to await it.
import { Bench } from '../../kit/kit.mjs';

const task = async () => 1;

// Start one, wait for it, start the next.
async function oneByOne(rounds) {
  let done = 0;
  for (let i = 0; i < rounds; i++) done += await task();
  return done;
}

// Start a thousand, then wait for all of them.
async function thousand(rounds) {
  let done = 0;
  for (let r = 0; r < rounds; r++) {
    const results = await Promise.all(Array.from({ length: 1000 }, task));
    for (const v of results) done += v;
  }
  return done;
}

// A thousand tasks, one result each: the array of promises is the channel.
async function fanout(rounds) {
  const send = async i => i;
  let sum = 0;
  for (let r = 0; r < rounds; r++) {
    const results = Array.from({ length: 1000 }, (_, i) => send(i));
    for (const result of results) sum += await result;
  }
  return sum;
}

// Ten children each, down to the leaves; every one returns its sum to its parent.
async function skynet(num, size) {
  if (size === 1) return num;
  const children = [];
  for (let i = 0; i < 10; i++) children.push(skynet(num + i * (size / 10), size / 10));
  let sum = 0;
  for (const child of children) sum += await child;
  return sum;
}

async function actors(rounds, leaves) {
  let sum = 0;
  for (let r = 0; r < rounds; r++) sum += await skynet(0, leaves);
  return sum;
}

const b = new Bench('X3');
await b.measure('one', 1, oneByOne);
await b.measure('thousand', 1000, thousand);
await b.measure('fanout', 1000, fanout);
const leaves = b.quick ? 100_000 : 1_000_000;
await b.measure('skynet', leaves, rounds => actors(rounds, leaves));
