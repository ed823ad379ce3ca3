import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import type { RunId } from '../../protocol/index.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { bootId, processIdentity } from '../process.ts';
import { inboxPaths, runPaths } from '../run-directory/layout.ts';
import { refusalPath } from '../run-directory/refusal.ts';
import { makeStateFolders } from '../run-directory/state-folders.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import type { RunView } from './run-book.ts';
import { Supervisor } from './supervisor.ts';

/** A state folder with one unfinished run, and a launcher that only counts. */
class Stage implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly launched: RunId[] = [];
  readonly errors: string[] = [];
  readonly alive = new Set<RunId>();
  now = 1_000_000;
  launchFails = false;
  readonly supervisor: Supervisor;

  constructor() {
    makeStateFolders(this.folder.path);
    const launcher: Launcher = {
      name: 'setsid',
      launch: runId => {
        this.launched.push(runId);
        return this.launchFails ? Promise.reject(new Error('no systemd')) : Promise.resolve();
      },
      isAlive: runId => Promise.resolve(this.alive.has(runId)),
      whereToLook: () => 'the log',
    };
    const log = pino({ level: 'error' }, { write: (line: string) => void this.errors.push(line) });
    this.supervisor = new Supervisor(this.folder.path, launcher, log, () => this.now);
  }

  run(more: Partial<RunView> = {}): RunView {
    const runId = newRunId();
    mkdirSync(runPaths(this.folder.path, runId).dir);
    return { runId, seq: 3, phase: 'building', ended: false, recorded: true, locked: true, ...more };
  }

  runner(runId: RunId, file: object): void {
    writeFileSync(runPaths(this.folder.path, runId).runner, JSON.stringify({ format: 1, ...file }));
  }

  inbox(runId: RunId): void {
    writeFileSync(inboxPaths(this.folder.path, runId).request, '{}');
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

const LONG_DEAD = { pid: 4_000_000, startTime: '1', bootId: 'another boot' };

describe('looking after a run', () => {
  it('leaves it alone while its runner works, or its service manager will start it again', async () => {
    using stage = new Stage();
    const own = stage.run();
    stage.runner(own.runId, processIdentity() ?? {});
    const managed = stage.run();
    stage.runner(managed.runId, LONG_DEAD);
    stage.alive.add(managed.runId);
    for (const run of [own, managed, stage.run({ ended: true })]) await stage.supervisor.lookAfter(run);
    assert.deepEqual(stage.launched, []);
  });

  it('launches another runner at once for one that is proven dead', async () => {
    for (const dead of [LONG_DEAD, { pid: process.pid, startTime: 'recycled', bootId: bootId() }]) {
      using stage = new Stage();
      const run = stage.run();
      stage.runner(run.runId, dead);
      await stage.supervisor.lookAfter(run);
      assert.deepEqual(stage.launched, [run.runId]);
    }
  });

  it('waits a moment where a runner may be about to write who it is', async () => {
    using stage = new Stage();
    const run = stage.run({ seq: 0 });
    await stage.supervisor.lookAfter(run);
    stage.now += 1999;
    await stage.supervisor.lookAfter(run);
    assert.deepEqual(stage.launched, []);
    stage.now += 1;
    await stage.supervisor.lookAfter(run);
    assert.deepEqual(stage.launched, [run.runId]);
  });

  it('gives up after five launches that brought the run no step further, and says what to do', async () => {
    using stage = new Stage();
    const run = stage.run();
    stage.runner(run.runId, LONG_DEAD);
    for (let second = 0; second < 300; second++) {
      stage.now += 1000;
      await stage.supervisor.lookAfter(run);
    }
    assert.equal(stage.launched.length, 5);
    assert.ok(stage.supervisor.hasGivenUp(run.runId));
    assert.equal(stage.errors.length, 1);
    assert.match(stage.errors[0] ?? '', /nixfleet-agent run/);
  });

  it('begins to count anew when the run has moved on', async () => {
    using stage = new Stage();
    let run = stage.run();
    stage.runner(run.runId, LONG_DEAD);
    for (let second = 0; second < 300; second++) {
      stage.now += 1000;
      if (second % 10 === 0) run = { ...run, seq: run.seq + 1 };
      await stage.supervisor.lookAfter(run);
    }
    assert.ok(stage.launched.length > 20);
    assert.ok(!stage.supervisor.hasGivenUp(run.runId));
  });

  it('reports a launch that fails and tries again', async () => {
    using stage = new Stage();
    stage.launchFails = true;
    const run = stage.run();
    stage.runner(run.runId, LONG_DEAD);
    await stage.supervisor.lookAfter(run);
    assert.match(stage.errors[0] ?? '', /no systemd/);
    stage.now += 60_000;
    await stage.supervisor.lookAfter(run);
    assert.equal(stage.launched.length, 2);
  });
});

describe('an inbox that an agent left behind', () => {
  it('is taken up, but for what was refused, has begun, or is no request', async () => {
    using stage = new Stage();
    const waiting = newRunId();
    stage.inbox(waiting);
    const refused = newRunId();
    stage.inbox(refused);
    const refusal = { format: 1, at: 1, kind: 'busy', message: 'busy' };
    writeFileSync(refusalPath(stage.folder.path, refused), JSON.stringify(refusal));
    const begun = stage.run();
    stage.inbox(begun.runId);
    for (const name of ['notes.json', `${newRunId()}.cancel`, `${newRunId()}.json.123.new`])
      writeFileSync(stage.folder.join('inbox', name), '');
    await stage.supervisor.takeUpInbox();
    assert.deepEqual(stage.launched, [waiting]);
  });
});
