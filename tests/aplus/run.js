// Runs promises-aplus-tests against thrum's promises. Usage: node run.js ADAPTER.node DIRECTORY-OF-THE-PACKAGE
// Fails if a case fails, or if there were fewer than the 872 that version 2.1.2 has.
'use strict';
const path = require('path');

const [adapter, directory] = process.argv.slice(2);
const run = require(path.resolve(directory, 'node_modules/promises-aplus-tests'));
let passed = 0;
let failed = 0;
function reporter(runner) {
  runner.on('pass', () => ++passed);
  runner.on('fail', (test, error) => {
    ++failed;
    console.log(`FAIL ${test.fullTitle()}\n  ${error && error.stack}`);
  });
}
// Its own limit is 200 ms a case, which a busy machine does not keep.
run(require(path.resolve(adapter)), { reporter, timeout: 60_000 }, () => {
  console.log(`Promises/A+: ${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed >= 872 ? 0 : 1);
});
