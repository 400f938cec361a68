// X30 in Node: the article's handler, with node:http; what express does for it (the body, the JSON) stands here.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench } from '../../kit/kit.mjs';

// In the process: documents by their ID, of which each is there once. With a delay, as a database behind a pool of ten connections.
class People {
  all = new Map();
  free = 10;
  waiting = [];
  constructor(delay) { this.delay = delay; }
  async connect() {
    if (this.free > 0) this.free--;
    else await new Promise(resolve => this.waiting.push(resolve));
    await sleep(this.delay);
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
  async insertMany(persons) {
    if (persons.length === 0) throw new Error('there is nobody to insert');
    if (this.delay > 0) await this.connect();
    const insertedIds = {};
    for (const [i, person] of persons.entries()) {
      if (this.all.has(person.ID)) {
        for (const id of Object.values(insertedIds)) this.all.delete(id);
        throw new Error('a person of that ID is there');
      }
      this.all.set(person.ID, person);
      insertedIds[i] = person.ID;
    }
    return { insertedCount: persons.length, insertedIds };
  }
}

function send(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

async function readBody(request) {
  const parts = [];
  request.on('data', part => parts.push(part));
  await once(request, 'end');
  return (parts.length === 1 ? parts[0] : Buffer.concat(parts)).toString();
}

async function addPersons(request, response, db) {
  const text = await readBody(request);
  if (request.method !== 'POST' || request.url !== '/persons') return send(response, 404, { message: 'There is only POST /persons.' });
  let people;
  try {
    people = JSON.parse(text);
  } catch {
    return send(response, 400, { message: 'Request body must be JSON.' });
  }
  if (!Array.isArray(people)) return send(response, 400, { message: 'Request body must be an array of persons.' });
  for (const person of people) {
    if (typeof person.name !== 'string' || typeof person.age !== 'number' || typeof person.ID !== 'string') {
      return send(response, 400, { message: 'Each person must have name (string), age (number), and ID (string).' });
    }
  }
  try {
    send(response, 201, await db.insertMany(people));
  } catch {
    send(response, 500, { message: 'Failed to insert people.' });
  }
}

async function serve(b, variant, delay) {
  if (!b.wants(variant)) return;
  const db = new People(delay);
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => addPersons(request, response, db));
  server.listen({ port: 0, host: '127.0.0.1', backlog: 65535 });
  await once(server, 'listening');
  const args = [process.pid, server.address().port, 'node', variant, b.quick ? 'quick' : 'full'];
  const clients = spawn(process.env.VERSUS_LOAD, args.map(String), { stdio: 'inherit' });
  const [code] = await once(clients, 'exit');
  server.closeAllConnections();
  server.close();
  if (code !== 0) process.exit(1);
}

const b = new Bench('X30');
await serve(b, 'answers', 0);
await serve(b, 'handler', 0);
await serve(b, 'pool', 5);
