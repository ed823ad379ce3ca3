import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { foldRun, type RunSummary } from '../../protocol/index.ts';
import { Emitter } from '../base/event.ts';
import { ENGLISH } from '../base/locale.ts';
import { eventually } from '../connection/fake-relay.ts';
import { aRun, anEndedRun, runId } from '../fleet/samples.ts';
import { OutputStore } from '../output/output-store.ts';
import type { RunSession } from '../runs/run-session.ts';
import { HostOutput } from './host-output.ts';

/** A run that a test writes. */
class TestRun {
  readonly changed = new Emitter<void>();
  readonly output: OutputStore;
  readonly n: number;
  summary: RunSummary;
  disposed = false;

  constructor(n: number, output: OutputStore) {
    this.n = n;
    this.output = output;
    this.summary = aRun(n, { requestedBy: `person ${n}` });
  }

  get session(): RunSession {
    return {
      ...{ runId: runId(this.n), host: 'web', summary: undefined, state: foldRun([]), output: this.output },
      ...{ lockBefore: undefined, lockAfter: undefined, gone: false, problem: undefined },
      onDidChange: this.changed.event,
      dispose: () => (this.disposed = true),
    };
  }

  /** The session as it is read: its summary is always the present one. */
  get live(): RunSession {
    return Object.defineProperty(this.session, 'summary', { get: () => this.summary });
  }

  say(text: string, end = false): void {
    const at = this.output.position;
    this.output.append({ runId: runId(this.n), stream: 'output', at, time: 1, end, bytes: Buffer.from(text) });
  }

  end(): void {
    this.say('', true);
    this.summary = anEndedRun(this.n, { requestedBy: `person ${this.n}` });
    this.changed.fire();
  }
}

describe('the output channel of a host', () => {
  let folder: string;
  let runs: TestRun[];
  let text: string;
  let channel: HostOutput;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-channel-'));
    const stores = await Promise.all([1, 2, 3].map(n => OutputStore.open(folder, runId(n))));
    runs = stores.map((store, index) => new TestRun(index + 1, store));
    text = '';
    const sink = { append: (more: string) => (text += more), clear: () => (text = '') };
    channel = new HostOutput('web', sink, ENGLISH, 1000);
  });

  afterEach(async () => {
    channel.dispose();
    await Promise.all(runs.map(({ output }) => output.dispose()));
    rmSync(folder, { recursive: true });
  });

  const run = (n: number): TestRun => runs[n - 1]!;

  it('has a heading, what the run wrote, and how it went', async () => {
    channel.follow(run(1).live);
    run(1).say('building\n');
    await eventually(() => text.includes('building'));
    run(1).end();
    await eventually(() => run(1).disposed);
    assert.match(text, /^── Update Agent on web, asked for by person 1, .* ──\nbuilding\n── web was updated.* ──\n\n$/);
  });

  it('shows a past run whole while another goes on, and then the rest of that one', async () => {
    channel.follow(run(2).live);
    run(2).say('one\nhalf a line');
    await eventually(() => text.includes('one\n'));
    run(1).say('past\n');
    run(1).end();
    channel.follow(run(1).live);
    run(2).say(' and the other half\n');
    await eventually(() => run(1).disposed);
    run(2).end();
    await eventually(() => run(2).disposed);
    const lines = text.split('\n').filter(line => line !== '' && !line.includes('was updated'));
    assert.equal(lines[1], 'one');
    assert.match(lines[2] ?? '', /person 1/);
    assert.equal(lines[3], 'past');
    assert.match(lines[4] ?? '', /person 2.*: goes on/);
    assert.equal(lines[5], 'half a line and the other half');
  });

  it('does not grow from run to run', async () => {
    for (const n of [1, 2, 3]) {
      channel.follow(run(n).live);
      for (let i = 0; i < 100; i++) run(n).say(`run ${n}, line ${i}\n`);
      run(n).end();
      await eventually(() => run(n).disposed);
      assert.ok(text.length < 2500, `${text.length} after run ${n}`);
      assert.ok(text.includes(`run ${n}, line 0`));
    }
    assert.ok(!text.includes('run 1'));
  });
});
