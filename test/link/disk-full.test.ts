import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { newRunId } from '../../relay/testing/harness.ts';
import { HostRun } from '../../relay/testing/host-run.ts';
import { RelayChild } from '../../relay/testing/relay-child.ts';
import { TestAgent } from '../../relay/testing/test-agent.ts';
import { TestOperator } from '../../relay/testing/test-operator.ts';
import { until } from '../../relay/testing/wait.ts';
import { cannotRun } from '../../scripts/test/cannot-run.ts';

describe('a relay whose disk is full', function () {
  this.timeout(60_000);
  let folder: string;
  let disk: string;
  let relay: RelayChild;

  beforeEach(function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) cannotRun(this, 'a small disk is mounted as root');
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-disk-test-'));
    disk = join(folder, 'disk');
    mkdirSync(disk);
    execaSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'nixfleet-test', disk]);
    relay = new RelayChild(join(disk, 'data'), ['--log-level', 'warn']);
  });
  afterEach(async () => {
    await relay.end('SIGTERM');
    execaSync('umount', [disk]);
    rmSync(folder, { recursive: true });
  });

  const fill = (): void => {
    const descriptor = openSync(join(disk, 'ballast'), 'w');
    try {
      for (const size of [65_536, 4096, 1]) {
        const bytes = Buffer.alloc(size, 'x');
        for (;;) {
          try {
            writeSync(descriptor, bytes);
          } catch {
            break;
          }
        }
      }
    } finally {
      closeSync(descriptor);
    }
  };
  const makeRoom = (): void => rmSync(join(disk, 'ballast'));
  const health = async () => {
    const response = await fetch(`${relay.address.replace('ws:', 'http:')}/healthz`);
    return { status: response.status, body: (await response.json()) as { problem?: string } };
  };

  it('refuses clearly, loses nothing that it acknowledged, and goes on by itself when there is room', async () => {
    await relay.start();
    const enroll = async (...args: string[]) => (await relay.run(...args, '--token-only')).stdout.trim();
    const [web, ana] = [await enroll('enroll', 'web'), await enroll('operator', 'ana')];
    await enroll('enroll', 'db');
    const connect = (): ReturnType<typeof TestAgent.hello> =>
      TestAgent.hello({ relay: relay.address, token: web, host: 'web', runs: [run] });
    const run = new HostRun(newRunId());
    run.write('x'.repeat(200_000));
    for (let i = 0; i < 20; i++) run.event({ type: 'note', text: `event ${i}` });
    const agent = await connect();
    const operator = await TestOperator.hello({ relay: relay.address, token: ana });
    const waiting = newRunId();
    assert.equal((await operator.update('db', waiting)).ok, true);
    await agent.hear('events-ack', ({ seq }) => seq === 20);
    await operator.watch(run.runId);
    await until('the output', () => operator.bytes(run.runId).equals(run.bytes()));
    assert.equal((await health()).status, 200);

    fill();
    const ill = await health();
    assert.equal(ill.status, 503);
    assert.match(ill.body.problem ?? '', /disk is full; it goes on by itself/);
    const refused = await operator.update('web', newRunId());
    assert.equal(refused.ok, false);
    assert.equal(refused.error?.kind, 'storage');
    assert.match(refused.error.message, /disk of the relay is full, so nothing was done/);
    assert.match(refused.error.advice ?? '', /Make room/);
    for (let i = 0; i < 20; i++) run.event({ type: 'note', text: 'y'.repeat(2000) });
    run.write('y'.repeat(3_000_000));
    agent.sendMore(run);
    assert.equal((await agent.closed()).code, 1013);
    assert.match((await agent.hear('error')).message, /disk of the relay is full/);

    makeRoom();
    await until('its health', async () => (await health()).status === 200);
    run.end();
    const again = await connect();
    assert.ok((await again.hear('resume')).afterSeq >= 20, 'what was acknowledged is there');
    await until(
      'all of the run',
      () => operator.copy(run.runId).ended && operator.events.get(run.runId)?.length === run.events.length,
    );
    assert.ok(operator.bytes(run.runId).equals(run.bytes()));
    assert.deepEqual(operator.events.get(run.runId), run.events);
    assert.deepEqual(operator.faults, []);
    const { runs } = await operator.ask({ type: 'list-runs', host: 'db', limit: 10 });
    assert.deepEqual(
      runs?.map(({ runId }) => runId),
      [waiting],
    );
    assert.equal((await operator.update('web', newRunId())).ok, true);
    for (const peer of [again, operator]) peer.cut();
    assert.equal(await relay.end('SIGTERM'), 0);
  });

  it('is killed on a full disk and says at its next start what is the matter, until there is room', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    fill();
    await relay.end('SIGKILL');
    const started = await relay.start().then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    );
    // what there is can be enough to start with
    if (started !== undefined) assert.match(started, /its disk is full. Make room/);
    await relay.end('SIGKILL');
    makeRoom();
    await relay.start();
    const agent = await TestAgent.hello({ relay: relay.address, token, host: 'web' });
    agent.cut();
  });
});
