// X28 in Node: very many timers are set, nine of ten are cleared, the rest call their functions.
import { Bench, cpu, resident, settled, wall } from '../../kit/kit.mjs';

// How long it takes to set n timers and to clear them, in microseconds: so much must lie between now and the first.
function trial(n) {
  const start = wall();
  const all = Array.from({ length: n }, (_, i) => setTimeout(() => {}, 3600_000 + i % 200));
  for (const t of all) clearTimeout(t);
  return (wall() - start) / 1e3;
}

const b = new Bench('X28');
const n = b.quick ? 50000 : 1000000;
trial(n / 10); // for the JIT compiler
const ahead = 200e3 + 40 * trial(n / 10);
const spread = b.quick ? 200000n : 2000000n;
const memory = await settled();
const base = wall() / 1e3 + ahead; // microseconds
const due = Float64Array.from({ length: n }, (_, i) => base + Number(BigInt(i) * 2654435761n % spread));
const late = new Float64Array(n).fill(NaN);
const all = new Array(n);
let finish, left = n / 10;
const finished = new Promise(resolve => { finish = resolve; });

let insert = cpu();
for (let i = 0; i < n; i++)
  all[i] = setTimeout(() => {
    // Timers know whole milliseconds only, and so may be up to one early.
    late[i] = Math.max(0, wall() / 1e3 - due[i]);
    if (--left === 0) finish();
  }, (due[i] - wall() / 1e3) / 1e3);
insert = cpu() - insert;
const occupied = resident() - memory;
let cancel = cpu(), stopped = 0;
for (let i = 0; i < n; i++)
  if (i % 10 !== 0) {
    clearTimeout(all[i]);
    stopped++;
  }
cancel = cpu() - cancel;
const inTime = wall() / 1e3 < base;
let fire = cpu();
await finished;
fire = cpu() - fire;

const fired = late.filter(x => !Number.isNaN(x)).sort();
const right = inTime && stopped === n / 10 * 9 && fired.length === n / 10 && late.every((x, i) => Number.isNaN(x) === (i % 10 !== 0));
if (b.wants('set')) {
  b.emit('set', n, 'insert', insert / n, 'ns/timer');
  b.emit('set', n, 'cancel', cancel / (n * 0.9), 'ns/timer');
  b.emit('set', n, 'memory', Math.max(0, occupied) / n, 'B/timer');
  b.emit('set', n, 'check', right ? n : 0, 'count');
}
if (b.wants('fire')) {
  b.emit('fire', n / 10, 'p99', fired[Math.floor(fired.length * 0.99)], 'us');
  b.emit('fire', n / 10, 'p50', fired[Math.floor(fired.length / 2)], 'us');
  b.emit('fire', n / 10, 'fire', fire / (n / 10), 'ns/timer');
  b.emit('fire', n / 10, 'check', right ? n / 10 : 0, 'count');
}
