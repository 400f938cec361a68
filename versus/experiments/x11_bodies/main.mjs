// X11 in Node: a server that parses small and large bodies, with node:http and JSON.parse.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import os from 'node:os';
import { Bench } from '../../kit/kit.mjs';

async function count(request, response) {
  const parts = [];
  request.on('data', part => parts.push(part));
  await once(request, 'end');
  const persons = JSON.parse(Buffer.concat(parts).toString());
  let ages = 0;
  for (const person of persons) ages += person.age;
  const text = `{"persons":${persons.length},"ages":${ages}}`;
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
  response.end(text);
}

async function serve(b, variant, bodies) {
  if (!b.wants(variant)) return;
  const server = http.createServer({ keepAliveTimeout: 60_000 }, count);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65535 });
  await once(server, 'listening');
  const args = [server.address().port, 'node', `${variant}@1`, bodies, b.quick ? 'quick' : 'full'];
  const clients = spawn(process.env.VERSUS_LOAD, args.map(String), { stdio: 'inherit' });
  const [code] = await once(clients, 'exit');
  server.closeAllConnections();
  server.close();
  if (code !== 0) process.exit(1);
}

const b = new Bench('X11');
await serve(b, 'alone', 0);
await serve(b, 'one', 1);
await serve(b, 'each', os.availableParallelism());
