import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { RunId } from '../../protocol/index.ts';
import { statePaths } from '../run-directory/layout.ts';
import { takeRunLock } from './run-lock.ts';

const mine = '01J00000000000000000000000' as RunId;
const theirs = '01J00000000000000000000001' as RunId;

describe('the lock of one run at a time', function () {
  this.timeout(20_000);
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'nixfleet-lock-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('is had by one, who is named to the others, and is free again afterwards', () => {
    const paths = statePaths(dir);
    const first = takeRunLock(paths, mine);
    assert.ok(first.ok);
    const second = takeRunLock(paths, theirs);
    assert.equal(!second.ok && second.holder?.runId, mine);
    first.release();
    const third = takeRunLock(paths, theirs);
    assert.ok(third.ok);
    third.release();
    assert.equal(statSync(paths.lock).mode & 0o777, 0o600);
  });

  it('is free when its holder was killed, whatever the file beside it says', async () => {
    const program = `import { takeRunLock } from '${join(import.meta.dirname, 'run-lock.ts')}';
      import { statePaths } from '${join(import.meta.dirname, '../run-directory/layout.ts')}';
      console.log(takeRunLock(statePaths('${dir}'), '${theirs}').ok); setInterval(() => {}, 1 << 30);`;
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const refused = takeRunLock(statePaths(dir), mine);
    assert.equal(!refused.ok && refused.holder?.runId, theirs);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const taken = takeRunLock(statePaths(dir), mine);
    assert.ok(taken.ok);
    taken.release();
  });

  it('does not name a holder that is long gone', () => {
    const paths = statePaths(dir);
    const first = takeRunLock(paths, mine);
    assert.ok(first.ok);
    writeFileSync(
      paths.holder,
      JSON.stringify({ format: 1, runId: theirs, pid: 1, startTime: 'never', bootId: 'never' }),
    );
    const second = takeRunLock(paths, theirs);
    assert.equal(!second.ok && second.holder, undefined);
    first.release();
  });
});
