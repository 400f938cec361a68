// kit: times one variant of an experiment and prints the result as JSON lines, for Node.
// The same measure, in the same steps, exists for every runtime: see ../README.md.
// Node runs JavaScript on one thread, so its variants are always "@1".
import { readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc');

// Processor time of the whole process, user and system, in nanoseconds.
export const cpu = () => { const c = process.cpuUsage(); return (c.user + c.system) * 1e3; };
export const wall = () => performance.now() * 1e6;

// One field of /proc/<process>/status: VmRSS and its like in bytes, Threads as it is.
export function status(key, process = 'self') {
  const [, value, unit] = new RegExp(`^${key}:\\s+(\\d+)( kB)?`, 'm').exec(readFileSync(`/proc/${process}/status`, 'utf8'));
  return Number(value) * (unit ? 1024 : 1);
}
// What the process occupies: pages, page tables, and 16 KiB of kernel stack for each thread.
export const resident = () => status('VmRSS') + status('VmPTE') + 16384 * status('Threads');
// The same by kind: resident pages (stacks and heap), page tables, kernel stacks.
export const residentKinds = () => [status('VmRSS'), status('VmPTE'), 16384 * status('Threads')];
// What another process has for itself, by kind, in MiB: pages that it shares with nobody, page tables, kernel stacks.
export function ownKinds(process) {
  const own = readFileSync(`/proc/${process}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+:\s+(\d+)/mg);
  const pages = [...own].reduce((sum, [, kb]) => sum + Number(kb) * 1024, 0);
  return [pages, status('VmPTE', process), 16384 * status('Threads', process)].map(v => v / 2 ** 20);
}
// The most that it has occupied so far.
export const peak = () => status('VmHWM') + status('VmPTE') + 16384 * status('Threads');
// resident() after garbage has been collected, once it stands still.
export async function settled() {
  for (let last = -Infinity; ;) {
    gc();
    await sleep(20);
    const now = resident();
    if (Math.abs(now - last) <= 128 * 1024) return now;
    last = now;
  }
}

export class Bench {
  // Reads the command line: [--quick] [--processors N] [variant...]
  constructor(exp) {
    const args = process.argv.slice(2);
    this.exp = exp;
    this.quick = args.includes('--quick');
    this.wanted = args.filter((a, i) => !a.startsWith('--') && args[i - 1] !== '--processors');
  }
  wants(variant) { return this.wanted.length === 0 || this.wanted.includes(variant); }
  emit(variant, n, metric, value, unit) {
    writeSync(1, JSON.stringify({ exp: this.exp, rt: 'node', variant: `${variant}@1`, n, metric, value, unit }) + '\n');
  }
  // What n tasks occupy, from residentKinds() before and after: the figure, and what it consists of.
  emitMemory(variant, n, before, after, unit) {
    const [pages, tables, kernel] = after.map((now, i) => (now - before[i]) / n);
    this.emit(variant, n, 'memory', pages + tables + kernel, unit);
    writeSync(1, JSON.stringify({ exp: this.exp, rt: 'node', variant: `${variant}@1`, n, metric: 'memory', unit,
      parts: { pages, 'page tables': tables, 'kernel stacks': kernel } }) + '\n');
  }
  // How late the ticks of a plan were, over time: tick i was due i + 1 periods after the start and ran late[i] after
  // that (microseconds, not sorted). The time until the last ran is cut in 300 slots, and the latest tick of each is kept.
  emitLateness(variant, late, period) {
    const slots = 300, kept = new Array(slots), ran = (l, i) => (i + 1) * period + l;
    const span = late.reduce((most, l, i) => Math.max(most, ran(l, i)), 0);
    late.forEach((l, i) => {
      const slot = Math.min(slots - 1, Math.floor(ran(l, i) / span * slots));
      if (l >= 0 && (kept[slot] === undefined || l > kept[slot][1])) kept[slot] = [ran(l, i), l];
    });
    const series = kept.filter(t => t !== undefined).map(t => t.map(Math.round));
    if (series.length === 0) return;
    writeSync(1, JSON.stringify({ exp: this.exp, rt: 'node', variant: `${variant}@1`, n: late.length, metric: 'late', unit: 'us', series }) + '\n');
  }
  // Times f(rounds), where a round is `per` operations, and lets rounds grow until a sample is long
  // enough and the JIT compiler has had time. f returns a count or a sum: proof of the work.
  async measure(variant, per, f) {
    if (!this.wants(variant)) return;
    const target = this.quick ? 100e6 : 200e6, warm = this.quick ? 100e6 : 600e6;
    let reported = false, spent = 0;
    const once = async (rounds, report) => {
      const c = cpu(), t = wall();
      const check = await f(rounds);
      const w = wall() - t, spentCpu = cpu() - c, n = rounds * per;
      if (report || (w >= 4 * target && spent >= warm)) {
        this.emit(variant, n, 'cpu', spentCpu / n, 'ns/op');
        this.emit(variant, n, 'wall', w / n, 'ns/op');
        this.emit(variant, n, 'check', check, 'count');
        reported = true;
      }
      spent += spentCpu; // not wall time: on a busy machine the compiler waits too
      return w;
    };
    let rounds = 1;
    for (;;) {
      const w = await once(rounds, false);
      if (w >= target / 8 && spent >= warm) { rounds = 1 + Math.floor(rounds * target / w); break; }
      if (w < target / 8) rounds *= w < target / 64 ? 8 : 2;
    }
    if (!reported) await once(rounds, true);
  }
}
