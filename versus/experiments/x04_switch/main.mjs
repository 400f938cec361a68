// X4 in Node: what it costs to let another async function run.
import { Bench } from '../../kit/kit.mjs';

// Two async functions take turns at the microtask queue.
async function yields(rounds) {
  const turn = async () => {
    let n = 0;
    for (let i = 0; i < rounds; i++) {
      await null;
      n++;
    }
    return n;
  };
  const [a, b] = await Promise.all([turn(), turn()]);
  return a + b;
}

// One round trip: each side waits for a promise that the other one resolves.
async function pingpong(rounds) {
  let sendPing, sendPong, ping = new Promise(r => { sendPing = r; });
  const echo = (async () => {
    for (let i = 0; i < rounds; i++) {
      const v = await ping;
      ping = new Promise(r => { sendPing = r; });
      sendPong(v);
    }
  })();
  let sum = 0;
  for (let i = 0; i < rounds; i++) {
    const pong = new Promise(r => { sendPong = r; });
    sendPing(i & 1023);
    sum += await pong;
  }
  await echo;
  return sum;
}

const b = new Bench('X4');
await b.measure('yield', 2, yields);
await b.measure('pingpong', 1, pingpong);
