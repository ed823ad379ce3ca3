import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import type { RunId } from '../../protocol/index.ts';
import { processIdentity } from '../process.ts';
import { JournalWriter } from '../run-directory/journal-writer.ts';
import { inboxPaths, runPaths, statePaths } from '../run-directory/layout.ts';
import { readRefusal } from '../run-directory/refusal.ts';
import { makeStateFolders } from '../run-directory/state-folders.ts';
import { newRunId } from '../testing/agent-rig.ts';
import { TemporaryFolder, until } from '../testing/temporary.ts';
import { runInbox } from './run-inbox.ts';

const QUICK = { look: 10, stray: 300, pause: 1 };

/** An inbox, and runners that only note. */
class Inbox extends TemporaryFolder {
  readonly executed: RunId[] = [];
  readonly log: string[] = [];
  readonly #stop = new AbortController();
  looks = 0;
  /** What a runner does. */
  runner = (runId: RunId): Promise<void> => {
    this.end(runId);
    return Promise.resolve();
  };

  constructor() {
    super();
    makeStateFolders(this.path);
  }

  get names(): string[] {
    return readdirSync(statePaths(this.path).inbox);
  }

  put(name: string): void {
    writeFileSync(`${statePaths(this.path).inbox}/${name}`, '{}');
  }

  ask(): RunId {
    const runId = newRunId();
    this.put(`${runId}.json`);
    return runId;
  }

  begin(runId: RunId = newRunId()): RunId {
    mkdirSync(runPaths(this.path, runId).dir, { recursive: true });
    this.#append(runId, { type: 'phase', phase: 'accepted' });
    rmSync(inboxPaths(this.path, runId).request, { force: true });
    return runId;
  }

  end(runId: RunId): void {
    this.begin(runId);
    this.#append(runId, { type: 'ended', outcome: 'succeeded', changed: false, after: {} });
  }

  #append(runId: RunId, event: Parameters<JournalWriter['append']>[0]): void {
    const { journal } = JournalWriter.open(runPaths(this.path, runId).journal);
    journal.append(event);
    journal.close();
  }

  go(): Promise<boolean> {
    return runInbox({
      stateDir: this.path,
      run: runId => {
        this.executed.push(runId);
        return this.runner(runId);
      },
      findStatusOut: () => {
        this.looks++;
        return Promise.resolve();
      },
      log: pino({}, { write: (line: string) => void this.log.push((JSON.parse(line) as { msg: string }).msg) }),
      signal: this.#stop.signal,
      times: QUICK,
    });
  }

  stop(): void {
    this.#stop.abort();
  }
}

describe('executing what lies in an inbox', () => {
  it('does one after another, what has begun first, until nothing is left', async () => {
    using inbox = new Inbox();
    const [first, begun, second] = [inbox.ask(), inbox.begin(), inbox.ask()];
    let atWork = 0;
    inbox.runner = async runId => {
      assert.equal(++atWork, 1);
      await new Promise(setImmediate);
      inbox.end(runId);
      atWork--;
    };
    assert.equal(await inbox.go(), true);
    assert.deepEqual(inbox.executed, [begun, first, second]);
    assert.deepEqual(inbox.names, []);
  });

  it('ends at once where there is nothing, and where there is no inbox', async () => {
    using inbox = new Inbox();
    assert.equal(await inbox.go(), true);
    rmSync(statePaths(inbox.path).inbox, { recursive: true });
    assert.equal(await inbox.go(), true);
    assert.deepEqual(inbox.executed, []);
  });

  it('takes what comes while a run is at work', async () => {
    using inbox = new Inbox();
    inbox.ask();
    inbox.runner = runId => {
      if (inbox.executed.length === 1) inbox.ask();
      inbox.end(runId);
      return Promise.resolve();
    };
    await inbox.go();
    assert.equal(inbox.executed.length, 2);
  });

  it('does not come back for ever to what is no request: it is removed, but not while it may be being written', async () => {
    using inbox = new Inbox();
    const being = `${newRunId()}.json.12.new`;
    for (const name of ['stray', 'x.json', being, `${newRunId()}.cancel`]) inbox.put(name);
    mkdirSync(`${statePaths(inbox.path).inbox}/folder`);
    const done = inbox.go();
    await until('a few looks', () => inbox.log.length === 0 && inbox.names.includes(being));
    assert.equal(await done, true);
    assert.deepEqual(inbox.names, []);
    assert.equal(inbox.log.filter(line => /is no request; it is removed/.test(line)).length, 5);
    assert.deepEqual(inbox.executed, []);
  });

  it('tries again where a runner died, and leaves a run that does not go on', async () => {
    using inbox = new Inbox();
    const [died, never, stuck] = [inbox.ask(), inbox.ask(), inbox.begin()];
    inbox.runner = runId => {
      const tries = inbox.executed.filter(executed => executed === runId).length;
      if (runId === died && tries === 1) inbox.begin(runId);
      else if (runId === died) inbox.end(runId);
      return Promise.resolve();
    };
    assert.equal(await inbox.go(), false);
    const tries = (runId: RunId) => inbox.executed.filter(executed => executed === runId).length;
    assert.deepEqual([tries(died), tries(never), tries(stuck)], [2, 5, 5]);
    assert.equal(readRefusal(inbox.path, never)?.kind, 'not-started');
    assert.deepEqual(inbox.names, []);
  });

  it('waits for a runner that outlived whoever started it', async () => {
    using inbox = new Inbox();
    const live = inbox.begin();
    writeFileSync(runPaths(inbox.path, live).runner, JSON.stringify({ format: 1, ...processIdentity() }));
    const waiting = inbox.ask();
    const done = inbox.go();
    inbox.put('refresh');
    await until('a look', () => inbox.looks === 1);
    assert.deepEqual(inbox.executed, []);
    inbox.end(live);
    assert.equal(await done, true);
    assert.deepEqual(inbox.executed, [waiting]);
  });

  it('stays until a runner is done that outlived whoever started it, and finishes its run if it dies', async () => {
    using inbox = new Inbox();
    const live = inbox.begin();
    const file = runPaths(inbox.path, live).runner;
    writeFileSync(file, JSON.stringify({ format: 1, ...processIdentity() }));
    const done = inbox.go();
    for (const look of [1, 2]) {
      inbox.put('refresh');
      await until('a look', () => inbox.looks === look && inbox.names.length === 0);
    }
    assert.deepEqual(inbox.executed, []);
    rmSync(file);
    assert.equal(await done, true);
    assert.deepEqual(inbox.executed, [live]);
  });

  it('finds the status out beside a run that is at work', async () => {
    using inbox = new Inbox();
    const runId = inbox.ask();
    const ended = Promise.withResolvers<undefined>();
    inbox.runner = async () => {
      await ended.promise;
    };
    const done = inbox.go();
    await until('the runner', () => inbox.executed.length === 1);
    inbox.put('refresh');
    await until('a look', () => inbox.looks === 1);
    assert.ok(!existsSync(statePaths(inbox.path).refresh));
    inbox.end(runId);
    ended.resolve(undefined);
    await done;
    assert.equal(inbox.looks, 1);
  });

  it('goes when it is told to, without its runner', async () => {
    using inbox = new Inbox();
    inbox.ask();
    inbox.runner = () => new Promise(() => undefined);
    const done = inbox.go();
    await until('the runner', () => inbox.executed.length === 1);
    inbox.stop();
    await done;
  });
});
