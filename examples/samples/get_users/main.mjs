// The N+1 queries, three ways: one after the other, all at once, ten at a time.
import { setTimeout as sleep } from 'node:timers/promises';

async function findUser(id) {
  await sleep(11); // a query (timers may be early by a part of a millisecond)
  return `user ${id}`;
}

// Bad: sequential.
async function getUsersBad(ids) {
  const users = [];
  for (const id of ids) users.push(await findUser(id)); // waits for each
  return users;
}
// Good: all at once.
const getUsersGood = ids => Promise.all(ids.map(findUser));
// Best: ten at a time (what the package p-limit is for).
async function getUsersBest(ids) {
  const users = [];
  let next = 0;
  const lane = async () => {
    for (let i; (i = next++) < ids.length;) users[i] = await findUser(ids[i]);
  };
  await Promise.all(Array.from({ length: 10 }, lane));
  return users;
}

async function show(how, least, getUsers) {
  const ids = Array.from({ length: 100 }, (_, i) => i + 1);
  const began = performance.now();
  const users = await getUsers(ids);
  const soon = performance.now() - began < least ? ', but too soon' : '';
  console.log(`${how}: ${users.length} users, the last is ${users.at(-1)}${soon}`);
}

await show('one after the other', 1000, getUsersBad);
await show('all at once', 10, getUsersGood);
await show('ten at a time', 100, getUsersBest);
