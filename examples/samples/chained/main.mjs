// A chain of asynchronous steps with one handler for its errors, and three that are waited for together.
import { setTimeout as sleep } from 'node:timers/promises';

async function fetchUser(id) {
  await sleep(10);
  if (id < 0) throw new Error('no user has a negative number');
  return { id, name: `user ${id}`, orders: 0 };
}
const enrichUser = user => ({ ...user, name: `${user.name} (enriched)` });
const fetchOrders = async user => ({ ...user, orders: 2 });
const defaultUser = () => ({ name: 'nobody', orders: 0 });

for (const id of [7, -7]) {
  const { name, orders } = await fetchUser(id) // run async
    .then(enrichUser) // transform
    .then(fetchOrders) // chain async
    .catch(defaultUser); // error handling
  console.log(`${name}, ${orders} orders`);
}
// combining
const users = await Promise.all([fetchUser(1), fetchUser(2), fetchUser(3)]);
console.log(users.map(user => user.name).join(', '));
