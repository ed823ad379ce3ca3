import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { newRunId, temporaryFolder } from '../testing/harness.ts';
import { HostRun } from '../testing/host-run.ts';
import { RelayChild } from '../testing/relay-child.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('nixfleet-relay', function () {
  this.timeout(60_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let relay: RelayChild;

  beforeEach(async () => {
    folder = await temporaryFolder();
    relay = new RelayChild(folder.path);
  });
  afterEach(async () => {
    await relay.end('SIGTERM');
    await folder[Symbol.asyncDispose]();
  });

  it('shows a token once, for people or for scripts', async () => {
    const shown = await relay.run('enroll', 'web');
    assert.equal(shown.code, 0);
    const token = /nixfleet_host_\S+/.exec(shown.stdout)?.[0];
    assert.ok(token);
    assert.match(shown.stdout, /\/etc\/nixfleet\/config\.json/);
    const again = await relay.run('enroll', 'web', '--token-only');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /--replace/);
    assert.equal(again.stdout, '');
    const replaced = await relay.run('enroll', 'web', '--token-only', '--replace');
    assert.match(replaced.stdout, /^nixfleet_host_\S{43}\n$/);
    assert.match((await relay.run('revoke', 'host', 'db')).stderr, /there is no host db/);
    const operator = await relay.run('operator', 'ana', '--quiet');
    assert.match(operator.stdout, /^nixfleet_operator_\S{43}\n$/);
  });

  it('says what makes no sense', async () => {
    for (const [args, expected] of [
      [['hosts'], /there is no relay's data in/],
      [['enroll', '../etc'], /not a name/],
      [['enroll'], /missing required argument/],
      [['revoke', 'pet', 'web'], /host or operator/],
      [['serve', '--cert', 'x'], /--cert and --key/],
      [['serve', '--listen', '0.0.0.0:0'], /clear text/],
      [['runs', '--limit', '0'], /from 1 on/],
      [['dance'], /unknown command/],
    ] as const) {
      const { code, stderr } = await relay.run(...args);
      assert.ok(code === 1 || code === 2, args.join(' '));
      assert.match(stderr, expected);
      assert.equal(stderr.includes('    at '), false, 'no stack trace');
    }
  });

  it('enrols, lists and revokes while a relay serves the same folder', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const operatorToken = (await relay.run('operator', 'ana', '--token-only')).stdout.trim();
    const ana = await TestOperator.hello({ relay: relay.address, token: operatorToken });
    const run = new HostRun(newRunId());
    run.event({ type: 'phase', phase: 'building' });
    const agent = await TestAgent.hello({ relay: relay.address, token, host: 'web', runs: [run] });
    await until('the run', () => ana.hosts.get('web')?.runs[0]?.phase === 'building');
    await agent.hear('events-ack');

    assert.match(
      (await relay.run('hosts')).stdout,
      /^HOST +AGENT +LAST SEEN +LAST RUN\nweb +1\.0\.0 +\d{4}-.* building\n$/,
    );
    assert.match((await relay.run('runs', 'web')).stdout, new RegExp(`${run.runId} +web +.* +unknown +building`));
    const [json] = (await relay.run('runs', '--json')).stdout.trim().split('\n');
    assert.equal((JSON.parse(json ?? '') as { runId: string }).runId, run.runId);
    assert.equal((await relay.run('runs', 'nobody')).stdout.split('\n').length, 2);

    assert.equal((await relay.run('revoke', 'host', 'web')).code, 0);
    assert.equal((await agent.closed()).code, 4401);
    await until('the fleet without it', () => !ana.hosts.has('web'));
    assert.equal((await relay.run('revoke', 'operator', 'ana')).code, 0);
    assert.equal((await ana.closed()).code, 4401);
    for (const secret of [token, operatorToken]) assert.equal(relay.log.includes(secret), false, 'no token in the log');
  });

  it('goes down in order when it is told to, and says where it listens when it comes up', async () => {
    await relay.start();
    const token = (await relay.run('enroll', 'web', '--token-only')).stdout.trim();
    const agent = await TestAgent.hello({ relay: relay.address, token, host: 'web' });
    assert.equal(await relay.end('SIGTERM'), 0);
    assert.equal((await agent.closed()).code, 1000);
    for (const line of relay.log.trim().split('\n')) JSON.parse(line);
    assert.match(relay.log, /"msg":"listening"/);
  });
});
