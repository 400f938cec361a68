// X29 in Node: how late is a ticker of 1 ms while an async function builds graphs of a million nodes and drops them?
import { Bench, cpu, wall } from '../../kit/kit.mjs';

const nodes = 1_000_000;
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const others = () => new Promise(resolve => setImmediate(resolve));
const other = i => (Math.imul(i, 2654435761) >>> 0) % i;

function link(all, i, into) {
  into.left = i > 0 ? all[i - 1] : null;
  into.right = i > 0 ? all[other(i)] : null;
  into.value = i & 1023;
  all[i] = into;
}

// The others run after every thousand nodes: what holds them up for longer is not this function.
async function sum(all) {
  let out = 0;
  for (let i = 0; i < nodes; i++) {
    if (i % 1000 === 0) await others();
    const each = all[i];
    if (each.left !== null) out += each.value + each.left.value + each.right.value;
  }
  return out;
}

// Graph after graph; at least one. With a graph to begin with its nodes are linked anew, and none is dropped.
async function build(until, kept) {
  let expected = 0;
  for (let i = 1; i < nodes; i++) expected += (i & 1023) + ((i - 1) & 1023) + (other(i) & 1023);
  let built = 0, right = true, all;
  const stopped = () => built >= nodes && until.stop, start = wall();
  while (!stopped()) {
    all = kept ?? [];
    for (let i = 0; i < nodes; i++, built++) {
      if (i % 1000 === 0) {
        await others();
        if (stopped()) break;
      }
      link(all, i, all[i] ?? { left: null, right: null, value: 0 });
    }
    if (!stopped()) right = await sum(all) === expected && right;
  }
  return { built, right, took: wall() - start, all };
}

async function beside(b, variant, reuse) {
  if (!b.wants(variant)) return;
  const first = await build({ stop: true }, null); // for the JIT compiler, too
  const ticks = b.quick ? 600 : 2000, late = [], until = { stop: false }, c = cpu();
  const building = build(until, reuse ? first.all : null);
  first.all = null;
  for (let due = wall() + 1e6; late.length < ticks; due += 1e6) {
    while (wall() < due) await sleep((due - wall()) / 1e6);
    late.push((wall() - due) / 1e3);
  }
  until.stop = true;
  const did = await building, spent = cpu() - c;
  b.emitLateness(variant, late, 1000);
  late.sort((a, b) => a - b);
  b.emit(variant, ticks, 'p99', late[ticks * 0.99], 'us');
  b.emit(variant, ticks, 'p50', late[ticks / 2], 'us');
  b.emit(variant, ticks, 'max', late[ticks - 1], 'us');
  b.emit(variant, ticks, 'node', did.took / did.built, 'ns/node');
  b.emit(variant, ticks, 'cpu', spent / did.built, 'ns/node');
  b.emit(variant, ticks, 'check', did.right ? late.filter(l => l >= 0).length : 0, 'count');
}

const b = new Bench('X29');
await beside(b, 'dropped', false);
await beside(b, 'reused', true);
