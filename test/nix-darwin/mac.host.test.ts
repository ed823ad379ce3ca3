import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { assertOutcome } from '../fleet/oracle.ts';
import { OWNER } from '../hosts/lab/host.ts';
import { HomeRig, IMPATIENT, type HomeFacts } from '../support/home-rig.ts';

const RUNNER = 'system/org.nixfleet.runner';

describe('nix-darwin on what stands in for a Mac', function () {
  this.timeout(240_000);
  let mac: HomeRig;
  let facts: HomeFacts;

  before(async function () {
    this.timeout(600_000);
    mac = await HomeRig.start('mac');
  });
  after(() => mac.close());
  beforeEach(async () => {
    await mac.launchd.mend();
    await mac.configure();
    facts = await mac.facts();
  });

  const pidOf = async (target: string): Promise<string> =>
    /^\tpid = (\d+)$/m.exec((await mac.launchd.launchctl('print', target)).stdout)?.[1] ?? '';

  it('is updated through the inbox: an agent without rights, a daemon that watches, a job for the run', async () => {
    const pid = await mac.agentPid();
    assert.equal(await mac.host.run(['stat', '-c', '%U', `/proc/${pid}`]), '_nixfleet');
    const version = await mac.publish();
    const run = await mac.operator.watch(await mac.operator.update('h1'));
    await mac.operator.waitFor('the build', () => run.state.phase === 'building');
    assert.match(
      (await mac.launchd.launchctl('print', `system/org.nixfleet.run.${run.runId}`)).stdout,
      /^\tstate = running$/m,
    );
    await mac.operator.finished(run.runId);
    await mac.assertUpdatedTo(run, version);
    assert.notEqual(await mac.agentPid(), pid);
    assert.deepEqual([run.state.host?.platform, run.state.host?.method], ['nix-darwin', 'activate']);
    assert.match(run.output, /reloading service org\.nixfleet\.agent/);
    assert.doesNotMatch(run.output, /reloading service org\.nixfleet\.runner/);
    assert.equal(mac.operator.hosts.get('h1')?.agent?.launcher, 'launchd');
    await mac.host.waitFor(async () => (await pidOf(RUNNER)) === '', { what: 'the daemon to rest' });
  });

  it('has root run no program that a person put beside those of Homebrew', async () => {
    const [theirs, mark] = ['/usr/local/bin/nix-env', '/tmp/run-as-root'];
    mac.host.writeFile(theirs, `#!/bin/sh\ntouch ${mark}\nexec /usr/bin/nix-env "$@"\n`, { owner: OWNER, mode: 0o755 });
    try {
      const version = await mac.publish();
      await mac.assertUpdatedTo(await mac.update(), version);
      assert.ok(!mac.host.exists(mark));
    } finally {
      await mac.host.run(['rm', theirs]);
    }
  });

  it('goes on with the run when the activation reloads the daemon that watches the inbox', async () => {
    await mac.configure({ otherRunner: true });
    const version = await mac.publish();
    const run = await mac.update();
    assert.match(run.output, /reloading service org\.nixfleet\.runner/);
    assert.equal(run.state.resumes, 0);
    await mac.assertUpdatedTo(run, version);
  });

  it('goes on when the runner is killed', async () => {
    const version = await mac.publish();
    const run = await mac.operator.watch(await mac.operator.update('h1'));
    await mac.operator.waitFor('the build', () => run.state.phase === 'building');
    await mac.launchd.launchctl('kill', 'KILL', `system/org.nixfleet.run.${run.runId}`);
    await mac.operator.finished(run.runId);
    assert.equal(run.state.resumes, 1);
    await mac.assertUpdatedTo(run, version);
  });

  it('takes back an agent that never says a word; what boots was the old generation all along', async () => {
    await mac.configure({ agent: 'mute' });
    await mac.publish();
    const run = await mac.operator.watch(await mac.operator.update('h1', IMPATIENT));
    await mac.reached(run.runId, 'confirming');
    assert.equal(mac.host.realPath(mac.kind.profile), facts.profile);
    assert.notEqual(mac.host.realPath(mac.kind.current), facts.current);
    await mac.operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assert.equal(run.state.end?.reason?.kind, 'agent-not-confirmed');
    assert.deepEqual(await mac.facts(), facts);
  });

  it('takes back what a power loss left half done, by itself', async () => {
    await mac.configure({ agent: 'mute', brings: true });
    await mac.publish();
    const run = await mac.operator.watch(await mac.operator.update('h1'));
    await mac.reached(run.runId, 'confirming');
    await mac.host.powerLoss();
    await mac.host.bootAgain();
    await mac.operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assert.equal(run.state.end?.reason?.kind, 'power-loss');
    assert.deepEqual(await mac.facts(), facts);
  });

  it('takes back an activation that fails in the middle', async () => {
    await mac.configure({ brings: true, standIn: { fault: { at: 'after', exit: 4 } } });
    await mac.publish();
    const run = await mac.update();
    assertOutcome(run, 'failed');
    assert.match(run.state.end?.reason?.message ?? '', /activate ended with exit code 4/);
    assert.deepEqual(await mac.facts(), facts);
  });

  it('says that nothing was changed when nix-darwin finds files of somebody else in /etc', async () => {
    await mac.publish();
    await mac.host.run(['rm', '/etc/nixfleet/agent.json']);
    mac.host.writeFile('/etc/nixfleet/agent.json', '{}');
    try {
      const run = await mac.update();
      assertOutcome(run, 'failed');
      assert.match(run.state.end?.reason?.message ?? '', /refused to be activated: error: Unexpected files in \/etc/);
      assert.match(run.state.end?.reason?.advice ?? '', /^Nothing was changed/);
      assert.deepEqual(await mac.facts(), facts);
    } finally {
      await mac.host.run(['ln', '-sfn', '/etc/static/nixfleet/agent.json', '/etc/nixfleet/agent.json']);
    }
  });

  it('is refused at once, with what to do, where the daemon that watches the inbox is not loaded', async () => {
    assert.equal((await mac.launchd.launchctl('bootout', '--wait', RUNNER)).code, 0);
    try {
      const { runId } = await mac.operator.finished(await mac.operator.update('h1'));
      const { delivery, reason } = mac.operator.runs.get(runId) ?? {};
      assert.equal(delivery, 'refused');
      assert.match(reason?.message ?? '', /nobody watches the inbox.*sudo launchctl bootstrap system/);
      assert.match(
        (await mac.host.exec(['/run/current-system/sw/bin/nixfleet-agent', 'check'])).stdout,
        /✗ launcher .*is not loaded/,
      );
    } finally {
      await mac.launchd.launchctl('bootstrap', 'system', '/Library/LaunchDaemons/org.nixfleet.runner.plist');
    }
    await mac.host.waitFor(async () => (await mac.host.run(['ls', `${mac.kind.stateDir}/inbox`])) === '', {
      what: 'an empty inbox',
      deadline: 90_000,
    });
  });

  it('has jobs that run with the logs that they name', async () => {
    for (const [name, user] of [
      ['agent', '_nixfleet'],
      ['runner', 'root'],
      ['status', OWNER],
    ] as const) {
      assert.doesNotMatch((await mac.launchd.launchctl('print', `system/org.nixfleet.${name}`)).stdout, /EX_CONFIG/);
      assert.equal(await mac.host.run(['stat', '-c', '%U', `/var/log/nixfleet-${name}/${name}.log`]), user);
    }
  });

  it('leaves no file of root’s in the checkout, and the inbox to the agent', async () => {
    assert.equal(await mac.host.run(['find', mac.host.checkout, '!', '-user', OWNER]), '');
    assert.equal(await mac.host.run(['stat', '-c', '%U %a', `${mac.kind.stateDir}/inbox`]), '_nixfleet 700');
  });
});
