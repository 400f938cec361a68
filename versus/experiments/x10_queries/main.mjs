// X10 in Node: a hundred queries of 10 ms, one after the other, all at once, ten at a time.
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, cpu, wall } from '../../kit/kit.mjs';

let underWay = 0, most = 0;

async function findUser(id) {
  most = Math.max(most, ++underWay);
  await sleep(10);
  underWay--;
  return id;
}

async function one(ids) {
  const users = [];
  for (const id of ids) users.push(await findUser(id));
  return users;
}

const every = ids => Promise.all(ids.map(findUser));

// What the package p-limit does: a queue, and the next one starts when one has ended.
function pLimit(limit) {
  const waiting = [];
  let active = 0;
  const next = () => {
    if (active < limit && waiting.length > 0) {
      active++;
      waiting.shift()();
    }
  };
  return f => new Promise((resolve, reject) => {
    waiting.push(() => f().then(resolve, reject).finally(() => { active--; next(); }));
    next();
  });
}
const ten = ids => {
  const limit = pLimit(10);
  return Promise.all(ids.map(id => limit(() => findUser(id))));
};

const b = new Bench('X10');
for (const [variant, getUsers] of Object.entries({ one, every, ten })) {
  if (!b.wants(variant)) continue;
  const ids = Array.from({ length: 100 }, (_, i) => i);
  most = 0;
  const c = cpu(), start = wall();
  const users = await getUsers(ids);
  b.emit(variant, 100, 'wall', (wall() - start) / 1e6, 'ms');
  b.emit(variant, 100, 'cpu', (cpu() - c) / 1e3 / 100, 'us/query');
  b.emit(variant, 100, 'peak', most, 'queries');
  b.emit(variant, 100, 'check', users.every((u, i) => u === i) && users.length === 100 ? 100 : 0, 'count');
}
