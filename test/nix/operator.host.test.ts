import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { after, before, describe, it } from 'mocha';
import type { RunSummary } from '../../protocol/index.ts';
import { FakeAgent } from '../support/fake-agent.ts';
import { RelayProcess } from '../support/relay-process.ts';

const PROGRAM = join(import.meta.dirname, '../../nix/tests/operator.mjs');

describe('The operator of the VM tests', function () {
  this.timeout(60_000);
  let folder = '';
  let relay: RelayProcess;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'operator-'));
    relay = await RelayProcess.start({
      data: join(folder, 'data'),
      log: join(folder, 'log'),
      listen: ['127.0.0.1:0'],
    });
  });
  after(async () => {
    await relay.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('has several hosts updated, and says how each run ended', async () => {
    const [token, ...agents] = await Promise.all([
      relay.operator('ana'),
      ...['web1', 'web2'].map(async host =>
        FakeAgent.connect({
          url: relay.url,
          host,
          token: await relay.enroll(host),
          onAsked: run => void run.succeed(),
        }),
      ),
    ]);
    const { stdout } = await execa(process.execPath, [PROGRAM, relay.url, token, 'web1', 'web2'], { stdin: 'ignore' });
    const runs = stdout.split('\n').map(line => JSON.parse(line) as RunSummary);
    assert.deepEqual(runs.map(({ host, outcome }) => `${host} ${outcome ?? ''}`).sort(), [
      'web1 succeeded',
      'web2 succeeded',
    ]);
    for (const agent of agents) await agent[Symbol.asyncDispose]();
  });

  it('fails when the relay refuses it', async () => {
    const token = await relay.operator('bea');
    const [stranger, wrong] = await Promise.all([
      execa(process.execPath, [PROGRAM, relay.url, token, 'nobody'], { reject: false }),
      execa(process.execPath, [PROGRAM, relay.url, 'x'.repeat(43), 'web1'], { reject: false }),
    ]);
    assert.equal(stranger.exitCode, 1);
    assert.match(stranger.stderr, /refused: /);
    assert.equal(wrong.exitCode, 1);
  });
});
