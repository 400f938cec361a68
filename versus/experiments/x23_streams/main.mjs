// X23 in Node: blocks of 64 KiB from a source through two stages into a sink: streams, and async generators.
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Bench, cpu, peak, wall } from '../../kit/kit.mjs';

const size = 64 << 10;

// Every 64th byte is looked at: the source writes them, the stages add 1 to them, the sink knows what they must be by then.
function filled(number) {
  const b = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i += 64) b[i] = number + (i >> 6);
  return b;
}
function step(b) {
  for (let i = 0; i < size; i += 64) b[i]++;
  return b;
}
function isRight(b, number) {
  if (b.length !== size) return 0;
  for (let i = 0; i < size; i += 64) if (b[i] !== ((number + (i >> 6) + 2) & 255)) return 0;
  return 1;
}
// The slow sink takes 16 blocks (1 MiB) every 5 ms: for how many milliseconds it has to wait.
const tooFast = (number, start) => number % 16 === 15 ? start / 1e6 + (number + 1) / 16 * 5 - wall() / 1e6 : 0;

const stage = () => new Transform({ transform(b, _, done) { done(null, step(b)); } });

function counter(slow) {
  const start = wall();
  let right = 0, number = 0;
  const sink = new Writable({
    write(b, _, done) {
      right += isRight(b, number);
      const ms = slow ? tooFast(number, start) : 0;
      number++;
      if (ms > 0) setTimeout(done, ms); else done();
    },
  });
  return { sink, right: () => right };
}

async function bytes(n, slow) {
  const { sink, right } = counter(slow);
  let number = 0;
  const source = new Readable({ read() { this.push(number < n ? filled(number++) : null); } });
  await pipeline(source, stage(), stage(), sink);
  return right();
}

async function blocks(n) {
  let right = 0, number = 0;
  async function* step1(source) { for await (const b of source) yield step(b); }
  await pipeline(
    function* () { for (let i = 0; i < n; i++) yield filled(i); },
    step1, step1,
    async source => { for await (const b of source) right += isRight(b, number++); });
  return right;
}

// A source that does not look at what write() returns.
async function unlimited(n) {
  const { sink, right } = counter(true);
  const first = stage();
  const done = pipeline(first, stage(), sink);
  for (let i = 0; i < n; i++) first.write(filled(i));
  first.end();
  await done;
  return right();
}

async function measureMemory(b, variant, flow) {
  if (!b.wants(variant)) return;
  const n = b.quick ? 512 : 2048;
  const before = peak(), c = cpu(), start = wall();
  const right = await flow(n, true);
  const took = wall() - start;
  b.emit(variant, n, 'memory', Math.max(0, peak() - before) / 2 ** 20, 'MiB');
  b.emit(variant, n, 'time', took / 1e3 / n, 'us/block');
  b.emit(variant, n, 'work', (cpu() - c) / 1e3 / n, 'us/block');
  b.emit(variant, n, 'check', right, 'count');
}

const b = new Bench('X23');
await b.measure('bytes', 1, n => bytes(n, false));
await b.measure('blocks', 1, blocks);
await measureMemory(b, 'slow', bytes);
await measureMemory(b, 'unlimited', unlimited);
