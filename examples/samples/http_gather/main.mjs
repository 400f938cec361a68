// Users are fetched by HTTP, all at once, over connections that are kept.
import { once } from 'node:events';
import { createServer } from 'node:http';

async function fetchUser(site, id) {
  const response = await fetch(`${site}/users/${id}`);
  return response.text();
}
const getUsers = (site, ids) => Promise.all(ids.map(id => fetchUser(site, id)));

// Answers when three have asked: who asks for one after the other waits for ever.
const asking = [];
const server = createServer((request, response) => {
  asking.push([request, response]);
  if (asking.length < 3) return;
  for (const [{ url }, answer] of asking) {
    answer.setHeader('Content-Type', 'application/json');
    answer.end(`{"id":${url.slice('/users/'.length)}}`);
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
for (const user of await getUsers(`http://127.0.0.1:${server.address().port}`, [1, 2, 3])) console.log(user);
server.close();
server.closeAllConnections();
