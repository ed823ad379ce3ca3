import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import type { RunId } from '../../protocol/index.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { inboxPaths, runPaths, statePaths } from '../run-directory/layout.ts';
import { refusalPath } from '../run-directory/refusal.ts';
import { makeStateFolders } from '../run-directory/state-folders.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { TemporaryFolder } from '../testing/temporary.ts';
import { recover } from './recover.ts';

/** A state folder as a power loss may leave it, and a launcher that only notes. */
class Left extends TemporaryFolder {
  readonly launched: RunId[] = [];
  readonly log: string[] = [];

  constructor() {
    super();
    makeStateFolders(this.path);
  }

  run(ended: boolean): RunId {
    const runId = newRunId();
    mkdirSync(runPaths(this.path, runId).dir);
    const { journal } = JournalWriter.open(runPaths(this.path, runId).journal);
    journal.append({ type: 'phase', phase: 'building' });
    if (ended) journal.append({ type: 'ended', outcome: 'succeeded', changed: false, after: {} });
    journal.close();
    return runId;
  }

  waiting(): RunId {
    const runId = newRunId();
    writeFileSync(inboxPaths(this.path, runId).request, '{}');
    return runId;
  }

  async recover(launch = (_: RunId): Promise<void> => Promise.resolve()): Promise<void> {
    const log = pino({}, { write: (line: string) => void this.log.push((JSON.parse(line) as { msg: string }).msg) });
    const noted = (runId: RunId): Promise<void> => {
      this.launched.push(runId);
      return launch(runId);
    };
    await recover(
      this.path,
      { name: 'systemd', launch: noted, isAlive: () => Promise.resolve(false), whereToLook: () => '' },
      log,
    );
  }
}

describe('recovering at boot', () => {
  it('starts a runner for what waits and for what is not at its end, and for nothing else', async () => {
    using left = new Left();
    left.run(true);
    const unfinished = left.run(false);
    const waiting = left.waiting();
    const refused = left.waiting();
    writeFileSync(refusalPath(left.path, refused), JSON.stringify({ format: 1, at: 1, kind: 'busy', message: 'x' }));
    for (const name of ['refresh', 'x.json', `${newRunId()}.cancel`, `${newRunId()}.json.12.new`])
      writeFileSync(`${statePaths(left.path).inbox}/${name}`, '');
    await left.recover();
    assert.deepEqual(left.launched, [unfinished, waiting]);
  });

  it('begins with what is half done, and with all of it, however much lies in the inbox', async () => {
    using left = new Left();
    const waiting = Array.from({ length: 30 }, () => left.waiting());
    const unfinished = Array.from({ length: 25 }, () => left.run(false));
    await left.recover();
    assert.deepEqual(new Set(left.launched.slice(0, 25)), new Set(unfinished));
    assert.deepEqual(left.launched.slice(25), waiting.sort().slice(0, 20));
    assert.ok(left.log.includes('30 requests wait in the inbox; the first 20 are begun with'));
  });

  it('goes on where a runner cannot be started, and says so', async () => {
    using left = new Left();
    const [first, second] = [left.run(false), left.run(false)];
    await left.recover(() => Promise.reject(new Error('no systemd')));
    assert.deepEqual(new Set(left.launched), new Set([first, second]));
    assert.equal(left.log.filter(line => /no systemd/.test(line)).length, 2);
  });

  it('has nothing to do on a new host, and on one whose state cannot be read', async () => {
    using left = new Left();
    await left.recover();
    assert.deepEqual(left.log, ['no run has to be finished']);
    rmSync(statePaths(left.path).runs, { recursive: true });
    writeFileSync(statePaths(left.path).runs, '');
    rmSync(statePaths(left.path).inbox, { recursive: true });
    symlinkSync('/', statePaths(left.path).inbox);
    await left.recover();
    assert.match(left.log[1] ?? '', /cannot be read/);
    assert.deepEqual(left.launched, []);
  });
});
