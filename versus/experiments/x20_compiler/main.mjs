// X20 in Node: a small compiler: in one function; in chunks on the event loop; and in a worker for each processor. Workers share no
// objects, so each has a copy of the table of symbols: they send what their files declare, and get the whole back.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { Bench, cpu, wall } from '../../kit/kit.mjs';

const hashBasis = 2166136261 | 0;
const mix = (hash, word) => Math.imul(hash ^ word, 16777619); // FNV

function idOf(name) {
  let hash = hashBasis;
  for (let i = 0; i < name.length; i++) hash = mix(hash, name.charCodeAt(i));
  return hash;
}
const code = c => c.charCodeAt(0);

// ---- lex: kinds are 'w' word, 'n' number, 'e' "==", 'a' "->", '.' the end; or the character itself

const isDigit = c => c >= '0' && c <= '9';
const isLetter = c => (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c === '_';

function lex(source) {
  const out = [];
  for (let at = 0; at < source.length;) {
    const begin = at, c = source[at++], next = source[at];
    let kind = c;
    if (c === ' ' || c === '\n') continue;
    if (c === '/' && next === '/') {
      at = source.indexOf('\n', at);
      if (at < 0) break;
      continue;
    } else if (isLetter(c)) {
      while (at < source.length && (isLetter(source[at]) || isDigit(source[at]))) at++;
      kind = 'w';
    } else if (isDigit(c)) {
      while (at < source.length && isDigit(source[at])) at++;
      kind = 'n';
    } else if (c === '=' && next === '=') {
      at++;
      kind = 'e';
    } else if (c === '-' && next === '>') {
      at++;
      kind = 'a';
    }
    out.push({ kind, text: source.slice(begin, at) });
  }
  out.push({ kind: '.', text: '' });
  return out;
}

// ---- parse. An expression's kind is 'n' number, 'b' true or false, 'v' variable, 'c' call; or an operator: + - * < e. A statement's is
// 'l' let, 'i' if, 'r' return. A type is one character, 'i' or 'b'; so the types of parameters are a string.

const leaf = (kind, name, value = 0) => ({ kind, name, value, callee: undefined, parts: [] });
const binary = (kind, left, right) => ({ kind, name: '', value: 0, callee: undefined, parts: [left, right] });

class Parser {
  constructor(source) {
    this.tokens = lex(source);
    this.at = 0;
  }
  file() {
    const out = [];
    while (this.tokens[this.at].kind !== '.') out.push(this.function());
    return out;
  }
  refuse() { throw new Error(`unexpected ${this.tokens[this.at].text}`); }
  accept(kind) {
    if (this.tokens[this.at].kind !== kind) return false;
    this.at++;
    return true;
  }
  word(text) {
    if (this.tokens[this.at].text !== text) return false;
    this.at++;
    return true;
  }
  expect(kind) {
    if (this.tokens[this.at].kind !== kind) this.refuse();
    return this.tokens[this.at++].text;
  }
  type() { return this.word('int') ? 'i' : this.word('bool') ? 'b' : this.refuse(); }
  function() {
    if (!this.word('fn')) this.refuse();
    const name = this.expect('w'), names = [];
    let parameters = '';
    this.expect('(');
    do {
      names.push(this.expect('w'));
      this.expect(':');
      parameters += this.type();
    } while (this.accept(','));
    this.expect(')');
    this.expect('a');
    const signature = { parameters, result: this.type(), id: idOf(name), uses: 0 };
    return { name, names, signature, body: this.block() };
  }
  block() {
    const out = [];
    this.expect('{');
    while (!this.accept('}')) {
      const kind = this.word('let') ? 'l' : this.word('if') ? 'i' : this.word('return') ? 'r' : this.refuse();
      const s = { kind, name: '', slot: 0, value: undefined, body: [] };
      if (kind === 'l') {
        s.name = this.expect('w');
        this.expect('=');
      }
      s.value = this.whole();
      if (kind === 'i') s.body = this.block();
      else this.expect(';');
      out.push(s);
    }
    return out;
  }
  whole() {
    const left = this.sum();
    for (const kind of ['<', 'e']) if (this.accept(kind)) return binary(kind, left, this.sum());
    return left;
  }
  sum() {
    for (let left = this.product(); ;) {
      if (this.accept('+')) left = binary('+', left, this.product());
      else if (this.accept('-')) left = binary('-', left, this.product());
      else return left;
    }
  }
  product() {
    let left = this.atom();
    while (this.accept('*')) left = binary('*', left, this.atom());
    return left;
  }
  atom() {
    if (this.accept('(')) {
      const inner = this.whole();
      this.expect(')');
      return inner;
    }
    if (this.tokens[this.at].kind === 'n') {
      const digits = this.expect('n');
      return leaf('n', digits, Number(digits));
    }
    const name = this.expect('w');
    if (name === 'true' || name === 'false') return leaf('b', name, name === 'true' ? 1 : 0);
    if (!this.accept('(')) return leaf('v', name);
    const call = leaf('c', name);
    do call.parts.push(this.whole()); while (this.accept(','));
    this.expect(')');
    return call;
  }
}

// ---- resolve: what names mean. The table is a Map from names to signatures, in which uses are counted.

function resolve(f, table) {
  const known = [...f.names];
  const visit = e => {
    if (e.kind === 'v') {
      e.value = known.lastIndexOf(e.name);
      if (e.value < 0) throw new Error(`${e.name} is not known`);
    } else if (e.kind === 'c') {
      e.callee = table.get(e.name);
      if (e.callee === undefined) throw new Error(`${e.name} is not declared`);
      e.callee.uses++;
    }
    for (const part of e.parts) visit(part);
  };
  const block = all => {
    const outside = known.length;
    for (const s of all) {
      visit(s.value);
      if (s.kind === 'l') {
        s.slot = known.length;
        known.push(s.name);
      }
      block(s.body);
    }
    known.length = outside;
  };
  block(f.body);
}

// ---- type: whether everything is of the type that is wanted

function want(wanted, found) {
  if (wanted !== found) throw new Error('an expression of the wrong type');
}

function check(f) {
  const known = [...f.signature.parameters]; // types of the slots
  const typeOf = e => {
    switch (e.kind) {
      case 'n': return 'i';
      case 'b': return 'b';
      case 'v': return known[e.value];
      case 'c':
        if (e.parts.length !== e.callee.parameters.length) throw new Error('wrong number of arguments');
        for (let i = 0; i < e.parts.length; i++) want(e.callee.parameters[i], typeOf(e.parts[i]));
        return e.callee.result;
    }
    for (const part of e.parts) want('i', typeOf(part));
    return e.kind === '<' || e.kind === 'e' ? 'b' : 'i';
  };
  const block = all => {
    const outside = known.length;
    for (const s of all) {
      const found = typeOf(s.value);
      if (s.kind === 'l') known.push(found);
      else want(s.kind === 'i' ? 'b' : f.signature.result, found);
      block(s.body);
    }
    known.length = outside;
  };
  block(f.body);
}

// ---- emit: words for a machine with a stack

function emit(f, out) {
  const visit = e => {
    for (const part of e.parts) visit(part);
    out.push(code(e.kind), e.kind === 'c' ? e.callee.id : e.value);
  };
  const block = all => {
    for (const s of all) {
      visit(s.value);
      if (s.kind !== 'i') {
        out.push(code(s.kind), s.slot);
        continue;
      }
      out.push(code('i'), 0); // a jump behind the body
      const jump = out.length - 1;
      block(s.body);
      out[jump] = out.length;
    }
  };
  out.push(code('f'), f.signature.id);
  block(f.body);
}

// ---- the two halves of the work on a file

function declare(source, table) {
  const file = new Parser(source).file();
  for (const f of file) {
    if (table.has(f.name)) throw new Error(`${f.name} is declared twice`);
    table.set(f.name, f.signature);
  }
  return file;
}

function finish(file, table) {
  const out = [];
  for (const f of file) {
    resolve(f, table);
    check(f);
    emit(f, out);
  }
  return out.reduce(mix, hashBasis);
}

function checksumOf(table) {
  let sum = 0;
  for (const s of table.values()) sum = (sum + Math.imul(s.id, s.uses)) | 0;
  return sum;
}

function inOneFunction(sources) {
  const table = new Map();
  const parsed = sources.map(source => declare(source, table));
  let sum = 0;
  for (const file of parsed) sum = (sum + finish(file, table)) | 0;
  return (sum + checksumOf(table)) >>> 0;
}

// A file at a time, so that whatever else the loop has to do gets its turn.
const inChunks = sources => new Promise((resolve, reject) => {
  const table = new Map(), parsed = [];
  let sum = 0, finished = 0;
  const step = () => {
    try {
      if (parsed.length < sources.length) parsed.push(declare(sources[parsed.length], table));
      else sum = (sum + finish(parsed[finished++], table)) | 0;
    } catch (e) {
      reject(e);
      return;
    }
    if (finished < sources.length) setImmediate(step);
    else resolve((sum + checksumOf(table)) >>> 0);
  };
  setImmediate(step);
});

// ---- workers: each is asked twice

async function inWorkers(workers, sources) {
  const ask = questions => Promise.all(workers.map(async (w, i) => {
    const answer = once(w, 'message');
    w.postMessage(questions[i]);
    return (await answer)[0];
  }));
  const part = Math.ceil(sources.length / workers.length);
  const tables = await ask(workers.map((_, i) => ({ sources: sources.slice(i * part, (i + 1) * part) })));
  const symbols = new Map(tables.flatMap(t => [...t]));
  const sums = await ask(workers.map(() => ({ symbols })));
  return sums.reduce((a, b) => (a + b) | 0, 0) >>> 0;
}

async function take(pass) {
  const c = cpu(), t = wall();
  const sum = await pass();
  return { cpu: cpu() - c, wall: wall() - t, sum };
}
const least = (a, b) => ({ cpu: Math.min(a.cpu, b.cpu), wall: Math.min(a.wall, b.wall), sum: b.sum });
const nothing = { cpu: Infinity, wall: Infinity, sum: 0 };

async function repeat(b, f) {
  const end = cpu() + (b.quick ? 300e6 : 3000e6); // while the JIT compiler works
  for (let i = 0; i < 3 || cpu() < end; i++) await f();
}

async function alone(b, variant, n, pass) {
  if (!b.wants(variant)) return;
  const first = await take(pass);
  let best = nothing;
  await repeat(b, async () => { best = least(best, await take(pass)); });
  b.emit(variant, n, 'cpu', best.cpu / n / 1e3, 'us/file');
  b.emit(variant, n, 'first', first.cpu / n / 1e3, 'us/file');
  b.emit(variant, n, 'check', best.sum, 'count');
}

async function main() {
  const b = new Bench('X20');
  const n = b.quick ? 200 : 2000;
  const text = execFileSync(process.env.VERSUS_LOAD, [String(n)], { maxBuffer: 1 << 28, encoding: 'latin1' });
  const sources = text.split('\f').slice(0, -1);
  await alone(b, 'one', n, () => inOneFunction(sources));
  await alone(b, 'chunks', n, () => inChunks(sources));
  if (b.wants('workers')) {
    const workers = Array.from({ length: os.availableParallelism() }, () => new Worker(new URL(import.meta.url)));
    await Promise.all(workers.map(w => once(w, 'message'))); // they are there
    let one = nothing, all = nothing;
    await repeat(b, async () => {
      one = least(one, await take(() => inOneFunction(sources)));
      all = least(all, await take(() => inWorkers(workers, sources)));
    });
    b.emit('workers', n, 'cpu', all.cpu / n / 1e3, 'us/file');
    b.emit('workers', n, 'wall', all.wall / n / 1e3, 'us/file');
    b.emit('workers', n, 'slowdown', all.wall * workers.length / one.wall, 'times one');
    b.emit('workers', n, 'check', all.sum === one.sum ? all.sum : 0, 'count');
    await Promise.all(workers.map(w => w.terminate()));
  }
}

if (!isMainThread) {
  let table, parsed;
  parentPort.on('message', ({ sources, symbols }) => {
    if (sources !== undefined) {
      table = new Map();
      parsed = sources.map(source => declare(source, table));
      parentPort.postMessage(table);
    } else {
      table = symbols;
      let sum = 0;
      for (const file of parsed) sum = (sum + finish(file, table)) | 0;
      parentPort.postMessage((sum + checksumOf(table)) | 0);
    }
  });
  parentPort.postMessage('ready');
} else {
  await main();
}
