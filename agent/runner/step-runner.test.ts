import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { foldRun, type RunId } from '../../protocol/index.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { runPaths, type RunPaths } from '../run-directory/layout.ts';
import { OutputLog } from '../run-directory/output-log.ts';
import { readProgress } from '../run-directory/progress-file.ts';
import { currentUser } from '../steps/user.ts';
import { lastLines } from './last-lines.ts';
import { groupLives, processesMarked } from './process-group.ts';
import { RunFailure } from './reason.ts';
import { NIX_RAW } from './render/renderer.ts';
import { RUN_MARK, StepRunner, type StepCommand } from './step-runner.ts';

const runId = '01J00000000000000000000000' as RunId;
let dir: string;
let paths: RunPaths;
let journal: JournalWriter;
let output: OutputLog;
let steps: StepRunner;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nixfleet-step-'));
  paths = runPaths(dir, runId);
  mkdirSync(paths.dir, { recursive: true });
  journal = JournalWriter.open(paths.journal).journal;
  output = OutputLog.open(paths, false);
  const stuck = (ms: number): RunFailure => new RunFailure({ kind: 'stuck', message: `silent for ${ms} ms` });
  steps = new StepRunner({ paths, runId, journal, output, access: {}, stuck, killGraceMs: 300 });
});
afterEach(() => {
  output.close();
  journal.close();
  rmSync(dir, { recursive: true, force: true });
});

const shell = (script: string, more: Partial<StepCommand> = {}): StepCommand => ({
  argv: ['sh', '-c', script],
  user: currentUser(),
  cwd: dir,
  raw: 'plain.raw',
  ...more,
});
const never = new AbortController().signal;
const written = (): string => {
  output.flush();
  return readFileSync(paths.output, 'utf8');
};

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'the condition did not come true');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

describe('a step', () => {
  it('shows the command and both its outputs, and records how it ended', async () => {
    const result = await steps.run(shell('echo out; echo err >&2; exit 3'), never);
    assert.equal(result.exitCode, 3);
    assert.equal(written(), `$ sh -c 'echo out; echo err >&2; exit 3'\nout\nerr\n`);
    const [step] = foldRun(journal.events).steps;
    assert.equal(step?.exitCode, 3);
    assert.deepEqual(lastLines(result.tail), ['out', 'err']);
  });

  it('is ended when it cannot be written down which process it is', async () => {
    mkdirSync(paths.runner);
    await assert.rejects(steps.run(shell('sleep 60'), never));
    assert.deepEqual(processesMarked(RUN_MARK, runId), []);
  });

  it('shows output while the child still runs', async () => {
    const go = join(dir, 'go');
    const run = steps.run(shell(`echo first; while ! [ -e ${go} ]; do sleep 0.02; done; echo second`), never);
    await until(() => written().includes('first\n'));
    assert.ok(!written().endsWith('second\n'));
    writeFileSync(go, '');
    await run;
    assert.ok(written().endsWith('first\nsecond\n'));
  });

  it('says how far a build is while it goes on, and leaves nothing of that behind', async () => {
    const go = join(dir, 'go');
    const log = [
      '@nix {"action":"start","id":1,"level":0,"parent":0,"text":"","type":104}',
      '@nix {"action":"result","id":1,"type":105,"fields":[1,5,1,0]}',
    ].join('\n');
    const script = `echo '${log}'; while ! [ -e ${go} ]; do sleep 0.02; done`;
    const run = steps.run(shell(script, { raw: NIX_RAW }), never);
    await until(() => readProgress(paths.progress)?.builds?.done === 1);
    assert.deepEqual(readProgress(paths.progress), { builds: { done: 1, total: 5 }, now: [], more: 0 });
    writeFileSync(go, '');
    const { totals } = await run;
    assert.deepEqual(totals, { builds: 1, downloads: 0, bytes: 0 });
    assert.equal(existsSync(paths.progress), false);
  });

  it('begins its part of the raw file and of the output where the journal says', async () => {
    await steps.run(shell('echo one'), never);
    await steps.run(shell('echo two'), never);
    const started = journal.events.filter(event => event.type === 'step-started');
    const [first, second] = started.map(event => ({
      raw: Number(event['rawOffset']),
      out: Number(event['outputOffset']),
    }));
    const raw = readFileSync(join(paths.dir, 'plain.raw'), 'utf8');
    assert.equal(raw.slice(second!.raw), 'two\n');
    assert.equal(written().slice(second!.out), 'two\n');
    assert.equal(raw.slice(first!.raw, second!.raw), 'one\n');
  });

  it('loses nothing of a large output that has no newline', async () => {
    await steps.run(shell('head -c 5000000 /dev/zero | tr "\\0" x'), never);
    assert.equal(written().split('\n')[1]?.length, 5_000_000);
  });

  it('names a program that is not there', async () => {
    const result = await steps.run({ ...shell(''), argv: ['nixfleet-no-such-program'] }, never);
    assert.equal(result.exitCode, undefined);
    assert.match(result.notStarted?.message ?? '', /ENOENT/);
  });

  it('is ended with everything it started, also what ignores the request to end', async () => {
    const stop = new AbortController();
    const run = steps.run(shell('trap "" TERM; echo $$ > pid; sleep 600 & wait; sleep 600'), stop.signal);
    await until(() => existsSync(join(dir, 'pid')));
    const pgid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
    stop.abort(new RunFailure({ kind: 'cancelled', message: 'no more' }));
    const result = await run;
    assert.equal(result.stopped?.reason.kind, 'cancelled');
    assert.equal(result.signal, 'SIGKILL');
    assert.equal(groupLives(pgid), false);
  });

  it('is ended as stuck when it is silent for too long, and not while it speaks', async () => {
    const result = await steps.run(
      shell('for i in 1 2 3; do sleep 0.1; echo $i; done; sleep 600', { silence: 400 }),
      never,
    );
    assert.equal(result.stopped?.reason.kind, 'stuck');
    assert.ok(written().includes('1\n2\n3\n'));
  });

  it('does not begin when the run is stopped already', async () => {
    const stop = AbortSignal.abort(new RunFailure({ kind: 'deadline', message: 'late' }));
    const result = await steps.run(shell('echo no'), stop);
    assert.equal(result.stopped?.reason.kind, 'deadline');
    assert.equal(journal.events.length, 0);
  });

  it('has no terminal, no input, a clean environment, and a mark by which it can be found', async () => {
    process.env['NIXFLEET_TEST_LEAK'] = 'leak';
    const run = steps.run(shell('cat; env; tty; while ! [ -e go ]; do sleep 0.02; done'), never);
    await until(() => processesMarked(RUN_MARK, runId).length > 0);
    writeFileSync(join(dir, 'go'), '');
    await run;
    delete process.env['NIXFLEET_TEST_LEAK'];
    assert.match(written(), /GIT_TERMINAL_PROMPT=0/);
    assert.match(written(), /BatchMode=yes/);
    assert.match(written(), /not a tty/);
    assert.doesNotMatch(written(), /NIXFLEET_TEST_LEAK/);
  });

  it('survives that its output file is cut under it', async () => {
    const result = await steps.run(shell('echo a; sleep 0.2; echo b > /dev/stderr; echo c'), never);
    assert.equal(result.exitCode, 0);
    assert.match(written(), /c\n$/);
  });
});
