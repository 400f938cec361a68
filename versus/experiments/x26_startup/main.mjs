// X26 in Node: an empty program, and one whose async functions all sleep.
if (process.env.X26 === 'empty') {
  console.log('done 1');
} else if (process.env.X26 === 'idle') {
  const hour = () => new Promise(resolve => { setTimeout(resolve, 3600_000); });
  const all = Array.from({ length: 100 }, async () => { await hour(); });
  console.log(`done ${all.length}`);
  await Promise.all(all);
} else { // be measured
  const { spawnSync } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const wanted = process.argv.slice(2).filter((a, i, all) => a !== '--processors' && all[i - 1] !== '--processors');
  const { status } = spawnSync(
    process.env.VERSUS_LOAD,
    ['node', '--processors', '1', ...wanted, '--', process.execPath, fileURLToPath(import.meta.url)],
    { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
