// X25 in Node: what changes in a tree of calls when its leaf has to wait.
import { execFileSync } from 'node:child_process';
import { Bench, wall } from '../../kit/kit.mjs';
import { report as after } from './after/tree.mjs';
import { report as before } from './before/tree.mjs';

const b = new Bench('X25');
if (b.wants('tree')) {
  const leaves = 32, old = before(1), start = wall(), check = old + await after(1);
  const waited = wall() - start >= leaves * 1e6 * 0.9; // a timer of Node may be early by a part of a millisecond
  // How the sources differ says the program that counts for all languages.
  const folder = process.env.VERSUS_EXPERIMENT;
  const said = execFileSync(process.env.VERSUS_LOAD, [`${folder}/before/tree.mjs`, `${folder}/after/tree.mjs`]);
  const [signatures, lines] = said.toString().split(' ').map(Number);
  b.emit('tree', leaves, 'signatures', signatures, 'functions');
  b.emit('tree', leaves, 'lines', lines, 'lines');
  b.emit('tree', leaves, 'check', waited ? check : 0, 'count');
}
