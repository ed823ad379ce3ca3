import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import type { HostStatus } from '../../protocol/index.ts';
import { statePaths } from '../run-directory/layout.ts';
import { makeStateFolders } from '../run-directory/state-folders.ts';
import { TemporaryFolder, until } from '../testing/temporary.ts';
import { writeStatus } from './collect.ts';
import { StatusWatch, type StatusWatchOptions } from './watch.ts';

/** A state folder whose status somebody else writes. */
class Host extends TemporaryFolder {
  readonly told: HostStatus[] = [];
  readonly warnings: string[] = [];
  #watch: StatusWatch | undefined;

  constructor(before?: HostStatus) {
    super();
    makeStateFolders(this.path);
    if (before) writeStatus(this.path, before);
  }

  watch(times: StatusWatchOptions['times'] = {}, interval = 300_000): StatusWatch {
    this.#watch = new StatusWatch({
      stateDir: this.path,
      onStatus: status => this.told.push(status),
      interval,
      whereToLook: 'the journal',
      log: pino({}, { write: (line: string) => void this.warnings.push((JSON.parse(line) as { msg: string }).msg) }),
      times: { askAgain: 60_000, ...times },
    });
    return this.#watch;
  }

  /** The question that lies in the inbox, if one does; a new one each time it is asked. */
  get question(): string | undefined {
    try {
      return readFileSync(statePaths(this.path).refresh, 'utf8');
    } catch {
      return undefined;
    }
  }

  override [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

const OLD: HostStatus = { at: 1, problems: [], nixcfg: { path: '/n' } };
const now = (): HostStatus => ({ ...OLD, at: Date.now() });

describe('a status that a unit finds out', () => {
  it('is what lies in the file, and each new one is told', async () => {
    using host = new Host(OLD);
    const watch = host.watch();
    assert.deepEqual(watch.current, OLD);
    for (const at of [2, 3]) {
      writeStatus(host.path, { ...OLD, at });
      await until(`status ${at}`, () => host.told.at(-1)?.at === at);
    }
    assert.deepEqual(host.told.at(-1), { ...OLD, at: 3 });
    assert.equal(host.question, undefined);
  });

  it('is asked for where there is none yet', async () => {
    using host = new Host();
    const watch = host.watch();
    assert.notEqual(host.question, undefined);
    assert.equal(watch.current, undefined);
    writeStatus(host.path, now());
    await until('the first status', () => host.told.length === 1);
  });

  it('is asked for again while the answer is one from before the question', async () => {
    using host = new Host(OLD);
    const watch = host.watch({ askAgain: 30 });
    watch.refresh();
    writeStatus(host.path, { ...OLD, at: 2 });
    await until('the status that was under way', () => host.told.length === 1);
    const asked = host.question;
    await until('another question', () => host.question !== asked);
    writeStatus(host.path, now());
    await until('the answer', () => host.told.length === 2);
    rmSync(statePaths(host.path).refresh);
    for (const count of [3, 4, 5]) {
      writeStatus(host.path, { ...now(), problems: [String(count)] });
      await until('another status', () => host.told.length === count);
    }
    // the next question would have been due by now
    assert.equal(host.question, undefined);
    assert.deepEqual(watch.current?.problems, ['5']);
  });

  it('is told as missing when the unit does not answer, and is as it was when it does', async () => {
    using host = new Host(OLD);
    const watch = host.watch({ askAgain: 20, patience: 100 });
    watch.refresh();
    const told = await until('the problem', () => host.told[0]);
    assert.deepEqual(told, { ...OLD, problems: ['the status unit has not answered: see the journal'] });
    assert.deepEqual(watch.current, told);
    assert.deepEqual(host.warnings, told.problems);
    writeStatus(host.path, now());
    await until('a status', () => host.told.length === 2);
    assert.deepEqual(watch.current.problems, []);
  });

  it('is told as missing when its time is over, however seldom the unit is asked by then', async () => {
    using host = new Host(OLD);
    host.watch({ askAgain: 60_000, patience: 50 }).refresh();
    await until('the problem', () => host.told[0]);
  });

  it('is missed when its time has long come, once', async () => {
    using host = new Host(OLD);
    host.watch({ poll: 10, patience: 20 }, 10);
    const told = await until('the problem', () => host.told[0]);
    assert.match(told.problems[0] ?? '', /has said nothing since 1970-01-01T00:00:00.001Z: see the journal/);
    writeStatus(host.path, { ...OLD, at: Date.now() + 60_000 });
    await until('a status', () => host.told.some(status => status.problems.length === 0));
    assert.equal(host.warnings.length, 1);
  });

  it('cannot be asked for where the inbox is not ours', () => {
    using host = new Host(OLD);
    rmSync(statePaths(host.path).inbox, { recursive: true });
    host.watch().refresh();
    assert.match(host.told[0]?.problems[0] ?? '', /cannot be asked: ENOENT/);
  });

  it('is a problem where the file is not one', async () => {
    using host = new Host(OLD);
    host.watch();
    writeFileSync(statePaths(host.path).status, 'x');
    await until('the problem', () => /is not a status/.test(host.told.at(-1)?.problems[0] ?? ''));
    assert.equal(host.told.at(-1)?.nixcfg?.path, '/n');
    rmSync(statePaths(host.path).status);
    mkdirSync(statePaths(host.path).status);
  });
});
