// Three look-ups at once, which hand on what they find as it comes.
import { setTimeout as sleep } from 'node:timers/promises';

async function findUser(id) {
  await sleep(10); // a query
  return { id, name: `user ${id}` };
}

async function getUsers(ids) {
  const users = [];
  await Promise.all(ids.map(async id => users.push(await findUser(id))));
  return users;
}

for (const { id, name } of await getUsers([1, 2, 3])) console.log(`${id}: ${name}`);
