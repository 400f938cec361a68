// X12 in Node: an echo server with a callback for each piece of data; and node:http. And an echo server in a process that has a million
// timers, and computes in a worker.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { Bench } from '../../kit/kit.mjs';

async function serve(b, variant, connections, busy) {
  if (!b.wants(variant)) return;
  const open = new Set();
  const server = variant.startsWith('http')
    ? http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => response.end(request.url.slice(1)))
    : net.createServer({ noDelay: true }, socket => socket.on('data', data => socket.write(data)));
  server.on('connection', socket => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65535 });
  await once(server, 'listening');
  const args = [process.pid, server.address().port, 'X12', 'node', variant, connections, busy, b.quick ? 'quick' : 'full'];
  const clients = spawn(process.env.VERSUS_LOAD, args.map(String), { stdio: 'inherit' });
  const [code] = await once(clients, 'exit');
  for (const socket of open) socket.destroy();
  server.close();
  if (code !== 0) process.exit(1);
}

// Beside a million timers, of which ten thousand fire in a second, and a worker that computes.
async function serveBeside(b, variant, connections, busy) {
  if (!b.wants(variant)) return;
  let fired = 0;
  const timers = Array.from({ length: 1_000_000 }, (_, i) => setTimeout(() => { fired++; }, i / 10));
  const worker = new Worker('for (let x = 1; x !== 0;) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }', { eval: true });
  await once(worker, 'online');
  const before = fired;
  await serve(b, variant, connections, busy);
  await worker.terminate();
  if (fired === before) process.exit(1); // it did not work
  for (const t of timers) clearTimeout(t);
}

const b = new Bench('X12');
await serve(b, 'busy1000', 1000, 1000);
await serve(b, 'conns100', 100, 10);
await serve(b, 'conns1000', 1000, 100);
await serve(b, 'conns10000', 10000, 1000);
await serve(b, 'conns11000', 11000, 1000);
await serveBeside(b, 'whole10000', 10000, 1000);
await serve(b, 'http100', 100, 10);
await serve(b, 'http1000', 1000, 100);
await serve(b, 'http10000', 10000, 1000);
