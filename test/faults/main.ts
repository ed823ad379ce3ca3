// `npm run test:faults [-- TIMES]`: the whole matrix on real hosts, once or more times in a row, and docs/reliability.md
// written from what came of it.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { CONFIRMING } from './strikes.ts';
import { countsOf, longestRollback, matrixText, type Recorded } from './report.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/reliability.md');
const BEGIN = '<!-- the matrix: npm run test:faults -->';
const END = '<!-- end of the matrix -->';

const times = Number(process.argv[2] ?? 1);
if (!Number.isSafeInteger(times) || times < 1) {
  console.error('usage: npm run test:faults [-- TIMES]');
  process.exit(2);
}
const folder = mkdtempSync('/tmp/nixfleet-faults-');
const record = join(folder, 'record.ndjson');
const node = { stdin: 'ignore', stdout: 'inherit', stderr: 'inherit', cwd: ROOT, reject: false } as const;
await execa(process.execPath, ['esbuild.mjs'], node);

const begin = performance.now();
let green = 0;
for (let time = 0; time < times; time++) {
  const { exitCode } = await execa(
    process.execPath,
    ['node_modules/mocha/bin/mocha.js', '--timeout', '300000', '--reporter', 'spec', 'test/faults/matrix.host.test.ts'],
    { ...node, env: { NIXFLEET_FAULTS: 'all', NIXFLEET_FAULTS_RECORD: record } },
  );
  if (exitCode === 0) green++;
}
const lines = existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n') : [];
const results = lines.filter(line => line !== '').map(line => JSON.parse(line) as Recorded);
rmSync(folder, { recursive: true });
const counts = countsOf(results);
const minutes = ((performance.now() - begin) / 60_000).toFixed(0);
const said =
  `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores: ${counts.run} cells run ${times === 1 ? 'once' : `${times} times in a row`} in ` +
  `${minutes} minutes, ${counts.failed} not as they must be, ${counts.missing} without a result, ${counts.notApplicable} not applicable.`;
console.log(`${said} ${green} of ${times} times all green.`);
const rollback = longestRollback(results);
const back =
  rollback === undefined
    ? ''
    : ` A broken new agent was taken back at most ${(rollback / 1000).toFixed(1)} s after the proof began, with a confirm deadline of ${CONFIRMING / 1000} s.`;
const document = readFileSync(DOCUMENT, 'utf8');
const [before = '', rest = ''] = document.split(BEGIN);
const [, after = ''] = rest.split(END);
writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${said}${back}\n\n${matrixText(results)}\n\n${END}${after}`);
await execa(process.execPath, ['node_modules/prettier/bin/prettier.cjs', '--write', DOCUMENT], node);
process.exitCode = green === times ? 0 : 1;
