// X24 in Node: programs of timers, ticks, microtasks and immediates, each as the main script of a process of its own (cases.cjs); and what
// a turn of the loop costs.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Bench } from '../../kit/kit.mjs';

const run = promisify(execFile);
const file = name => fileURLToPath(new URL(name, import.meta.url));
const same = (a, b) => a.join(' ') === b.join(' ');

async function look({ program, words }) {
  const { stdout } = await run(process.execPath, [file('cases.cjs'), program], { timeout: 10_000 });
  const { given, printed } = JSON.parse(stdout);
  return {
    whole: same([...printed].sort(), [...words].sort()),
    differs: !same(printed, words),
    jumped: !same(given.filter(w => printed.includes(w)), printed.filter(w => given.includes(w))),
  };
}

async function printOrders(b, row, all) {
  if (!b.wants(row)) return;
  const todo = all.filter(c => c.row === row), seen = [];
  const n = todo.length, percent = f => 100 * seen.filter(f).length / n;
  const looker = async () => { while (todo.length > 0) seen.push(await look(todo.shift())); };
  await Promise.all(Array.from({ length: os.availableParallelism() }, looker));
  b.emit(row, n, 'differs', percent(s => s.differs), '%');
  if (row === 'queues' || row === 'phases') b.emit(row, n, 'jumped', percent(s => s.jumped), '%');
  b.emit(row, n, 'unsaid', 0, '%');
  b.emit(row, n, 'check', seen.filter(s => s.whole).length, 'count');
}

// Callbacks, each of which gives the next one.
const inTurns = give => n => new Promise(resolve => {
  let done = 0;
  const again = () => {
    if (++done < n) give(again);
    else resolve(done);
  };
  give(again);
});

const b = new Bench('X24');
const all = readFileSync(file('orders.txt'), 'utf8').matchAll(/^(\w+) (\w+): (.*)$/mg);
const cases = [...all].map(([, row, program, words]) => ({ row, program, words: words.split(' ') }));
for (const row of ['queues', 'phases', 'timers', 'promises']) await printOrders(b, row, cases);
await b.measure('turn', 1, inTurns(setImmediate));
await b.measure('microtask', 1, inTurns(queueMicrotask));
