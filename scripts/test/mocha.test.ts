import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { root } from './files.ts';

describe('mocha, as npm test runs it', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-mocha-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** What the test runner counts for a test file with this text, in a process of its own: its output is not ours. */
  function tally(text: string): unknown {
    const file = join(folder, 'sample.mjs');
    writeFileSync(file, text);
    const script = `
      import { Children } from './scripts/test/children.ts';
      import { runMocha } from './scripts/test/mocha.ts';
      const files = ${JSON.stringify([file])};
      const tally = await runMocha(new Children(), { files, timeout: 2000, reporter: 'dot', grace: 200 });
      console.log(JSON.stringify(tally));
    `;
    const args = ['--input-type=module', '--eval', script];
    const output = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
    return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
  }

  it('is counted test by test', () => {
    const tests = `it('a', () => {}); it('b', () => { throw new Error('no'); }); it('c', () => {});`;
    assert.deepEqual(tally(tests), { passed: 2, failed: 1, skipped: [] });
  });

  it('says which suite cannot run on this machine, and why', () => {
    const cannotRun = JSON.stringify(join(root, 'scripts/test/cannot-run.ts'));
    const tests = `
      import { cannotRun } from ${cannotRun};
      describe('hosts', () => {
        before(function () { cannotRun(this, 'no root'); });
        it('a', () => {});
        it('b', () => {});
      });
      it('c', () => {});
    `;
    assert.deepEqual(tally(tests), { passed: 1, failed: 0, skipped: [{ what: 'hosts', reason: 'no root', tests: 2 }] });
  });

  it('skips what comes later in a story that broke, and nothing of another', () => {
    const oneStory = JSON.stringify(join(root, 'scripts/test/one-story.ts'));
    const tests = `
      import { oneStory } from ${oneStory};
      describe('first', function () {
        oneStory(this);
        it('a', () => { throw new Error('no'); });
        it('b', () => {});
        describe('in it', () => it('c', () => {}));
      });
      describe('second', function () {
        oneStory(this);
        it('d', () => {});
      });
    `;
    const reason = '“a” failed before it';
    const skipped = ['first b', 'first in it c'].map(what => ({ what, reason, tests: 1 }));
    assert.deepEqual(tally(tests), { passed: 1, failed: 1, skipped });
  });

  it('has failed when a test ends the process', () => {
    const tests = `it('a', () => {}); it('b', () => { process.exit(0); }); it('c', () => {});`;
    assert.deepEqual(tally(tests), { passed: 1, failed: 1, skipped: [] });
  });

  it('has failed when a file cannot be loaded, or has no tests', () => {
    assert.deepEqual(tally(`import 'no-such-package';`), { passed: 0, failed: 1, skipped: [] });
    assert.deepEqual(tally(''), { passed: 0, failed: 1, skipped: [] });
  });

  it('has failed when something outlives the tests', () => {
    const tests = `it('a', () => { setInterval(() => {}, 1000); });`;
    assert.deepEqual(tally(tests), { passed: 1, failed: 1, skipped: [] });
  });
});
