import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { assertOutcome } from '../fleet/oracle.ts';
import { OWNER, OWNER_HOME } from '../hosts/lab/host.ts';
import { HomeRig, IMPATIENT, OWNER_UID, type HomeFacts } from '../support/home-rig.ts';

const LABEL = 'org.nix-community.home.nixfleet-agent';
const RECOVER = 'org.nix-community.home.nixfleet-recover';

describe('Home Manager on what stands in for a Mac', function () {
  this.timeout(240_000);
  let mac: HomeRig;
  let facts: HomeFacts;

  before(async function () {
    this.timeout(600_000);
    mac = await HomeRig.start('mac-home');
  });
  after(() => mac.close());
  beforeEach(async () => {
    await mac.launchd.mend();
    await mac.configure();
    facts = await mac.facts();
  });

  const jobs = async (): Promise<string[]> => {
    const { stdout } = await mac.launchd.launchctl('print', `gui/${OWNER_UID}`);
    return stdout.match(/org\.\S+/g) ?? [];
  };
  /** launchd answers 5 so often when it is to load the agent. */
  const refuse = (times: number, holding?: string): Promise<void> =>
    mac.launchd.fail({ command: 'bootstrap', code: 5, times, label: LABEL, ...(holding !== undefined && { holding }) });

  it('is updated by a run in a job of its own, which outlives the agent that the switch ends', async () => {
    const pid = await mac.agentPid();
    const version = await mac.publish();
    const run = await mac.update();
    await mac.assertUpdatedTo(run, version);
    assert.notEqual(await mac.agentPid(), pid);
    assert.deepEqual([run.state.host?.platform, run.state.host?.method], ['home-manager', 'activate']);
    assert.equal(run.state.host?.attribute, 'homeConfigurations."h1".activationPackage');
    assert.equal(run.state.end?.after.generation?.toplevel, mac.host.realPath(mac.kind.profile));
    assert.equal(mac.operator.hosts.get('h1')?.agent?.launcher, 'launchd');
    // where it would be started again at the next login there is only what belongs to the generation
    assert.equal(await mac.host.run(['ls', `${OWNER_HOME}/Library/LaunchAgents`]), `${LABEL}.plist\n${RECOVER}.plist`);
    assert.equal(mac.host.readFile(`${mac.kind.stateDir}/runner-logs/${run.runId}.log`), '');
  });

  it('says that there is nothing to update, and clears up what earlier runs left', async () => {
    const run = await mac.update();
    assertOutcome(run, 'succeeded');
    assert.equal(run.state.end?.changed, false);
    assert.deepEqual((await jobs()).sort(), [LABEL, RECOVER, `org.nixfleet.run.${run.runId}`]);
    assert.equal(await mac.host.run(['ls', `${mac.kind.stateDir}/launchd`]), `org.nixfleet.run.${run.runId}.plist`);
  });

  it('goes on when its runner is killed', async () => {
    const version = await mac.publish();
    const run = await mac.operator.watch(await mac.operator.update('h1'));
    await mac.operator.waitFor('the build', () => run.state.phase === 'building');
    await mac.launchd.launchctl('kill', 'KILL', `gui/${OWNER_UID}/org.nixfleet.run.${run.runId}`);
    await mac.operator.finished(run.runId);
    assert.equal(run.state.resumes, 1);
    await mac.assertUpdatedTo(run, version);
  });

  it('loads the agent that Home Manager did not, whose older versions do not mind', async () => {
    await mac.configure({ standIn: { unloadedAgent: 'ignores' } });
    await refuse(1);
    const version = await mac.publish();
    const run = await mac.update();
    await mac.assertUpdatedTo(run, version);
    assert.match(run.output, /Failed to start agent .* with I\/O error/);
    assert.match(run.output, new RegExp(`nixfleet: ${LABEL} was not loaded: loaded it into gui/${OWNER_UID}`));
  });

  for (const unloadedAgent of ['aborts', 'ignores', 'restores'] as const)
    it(`is patient with a launchd that answers 5 three times, with a Home Manager that ${unloadedAgent}`, async () => {
      await mac.configure({ standIn: { unloadedAgent } });
      await refuse(3);
      const version = await mac.publish();
      const run = await mac.update();
      await mac.assertUpdatedTo(run, version);
    });

  it('is no success when Home Manager puts the old plist back, again and again', async () => {
    await mac.configure({ standIn: { unloadedAgent: 'restores' } });
    const version = await mac.publish();
    await refuse(1000, `nixfleet-agent-${version}`);
    const run = await mac.update();
    assertOutcome(run, 'failed');
    assert.equal(run.state.end?.reason?.kind, 'activation');
    assert.match(run.output, /Restoring previous agent/);
    assert.deepEqual(await mac.facts(), facts);
  });

  it('is no success when launchd never takes the new agent and nobody says so', async () => {
    await mac.configure({ standIn: { unloadedAgent: 'ignores' } });
    const version = await mac.publish();
    await refuse(1000, `nixfleet-agent-${version}`);
    const run = await mac.update(IMPATIENT);
    assertOutcome(run, 'rolled-back');
    assert.equal(run.state.end?.reason?.kind, 'agent-not-confirmed');
    assert.match(run.state.end.reason.message, /not loaded in gui\/1000.*Bootstrap failed: 5/);
    assert.deepEqual(await mac.facts(), facts);
  });

  for (const agent of ['crash', 'mute'] as const)
    it(`takes back an agent that does not work: ${agent}`, async () => {
      await mac.configure({ agent });
      await mac.publish();
      const run = await mac.update(IMPATIENT);
      assertOutcome(run, 'rolled-back');
      assert.equal(run.state.end?.reason?.kind, 'agent-not-confirmed');
      assert.deepEqual(await mac.facts(), facts);
    });

  for (const [at, exit] of [
    ['links', 7],
    ['after', 4],
  ] as const)
    it(`takes back an activation that fails in the middle (${at}), with all that it had brought by then`, async () => {
      await mac.configure({ brings: true, standIn: { fault: { at, exit } } });
      await mac.publish();
      const run = await mac.update();
      assertOutcome(run, 'failed');
      assert.match(run.state.end?.reason?.message ?? '', new RegExp(`activate ended with exit code ${exit}`));
      assert.deepEqual(await mac.facts(), facts);
    });

  it('takes back what a power loss left half done or unproven, at the next login', async () => {
    await mac.configure({ agent: 'mute', brings: true });
    await mac.publish();
    const run = await mac.operator.watch(await mac.operator.update('h1'));
    await mac.reached(run.runId, 'confirming');
    assert.equal((await mac.brought()).length, 3);
    await mac.host.powerLoss();
    await mac.host.bootAgain();
    await mac.operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assert.equal(run.state.end?.reason?.kind, 'power-loss');
    assert.deepEqual(await mac.facts(), facts);
  });

  it('says that nothing was changed when Home Manager’s own checks refuse', async () => {
    mac.host.writeFile(`${OWNER_HOME}/Library/x`, '', { owner: OWNER });
    await mac.configure({ standIn: { fault: { at: 'before' } } });
    await mac.publish();
    const run = await mac.update();
    assertOutcome(run, 'failed');
    assert.match(run.state.end?.reason?.advice ?? '', /^Nothing was changed/);
    assert.doesNotMatch(run.output, /activated again/);
    assert.deepEqual(await mac.facts(), facts);
  });

  it('leaves a switch alone that somebody runs by hand', async () => {
    const script = '/tmp/0-home-manager-generation/activate';
    mac.host.writeFile(script, '#!/bin/bash\nsleep 1000\n:\n', { owner: OWNER, mode: 0o755 });
    await mac.host.run(['systemd-run', '--quiet', '--unit=by-hand', `--uid=${OWNER}`, script]);
    await mac.publish();
    try {
      const run = await mac.update();
      assertOutcome(run, 'failed');
      assert.equal(run.state.end?.reason?.kind, 'switch-busy');
      assert.match(run.state.end.reason.message, /0-home-manager-generation\/activate/);
      assert.deepEqual(await mac.facts(), facts);
    } finally {
      await mac.host.run(['systemctl', 'stop', 'by-hand']);
    }
  });

  describe('without anybody at the screen', () => {
    before(async () => {
      await mac.launchd.mend();
      await mac.configure({ standIn: { unloadedAgent: 'ignores' } });
      assertOutcome(await mac.update(), 'succeeded');
      await mac.launchd.logIn(false);
      // as a person does over SSH
      const plist = mac.host
        .readFile(mac.kind.job)
        .replace('<dict>', '<dict><key>LimitLoadToSessionType</key><string>Background</string>');
      mac.host.writeFile(`${OWNER_HOME}/agent.plist`, plist, { owner: OWNER });
      const loaded = await mac.launchd.launchctl('bootstrap', `user/${OWNER_UID}`, `/home/ana/agent.plist`);
      assert.equal(loaded.code, 0, loaded.stderr);
      await mac.operator.waitFor('the agent', () => mac.operator.hosts.get('h1')?.online === true, 30_000);
    });

    it('is updated in the domain that there is', async () => {
      await mac.configure({ standIn: { unloadedAgent: 'ignores' } });
      const version = await mac.publish();
      const run = await mac.update();
      assertOutcome(run, 'succeeded');
      assert.equal(run.state.end?.after.agent?.version, version);
      assert.match(
        run.output,
        new RegExp(`user/${OWNER_UID} had kept the old job: unloaded it\n[^]*loaded it into user/${OWNER_UID}\n`),
      );
      const { stdout } = await mac.launchd.launchctl('print', `user/${OWNER_UID}`);
      assert.match(stdout, new RegExp(`org.nixfleet.run.${run.runId}`));
    });

    it('says so where Home Manager insists on the screen, and leaves everything as it was', async () => {
      await mac.publish();
      const before = { current: mac.host.realPath(mac.kind.current), profile: mac.host.realPath(mac.kind.profile) };
      await mac.configure({ standIn: { unloadedAgent: 'restores' } });
      const run = await mac.update();
      assert.match(run.state.end?.reason?.message ?? '', /nobody is logged in at the screen/);
      assert.match(run.state.end?.reason?.advice ?? '', /domain = "user"/);
      assert.notEqual(run.state.end?.outcome, 'succeeded');
      assert.deepEqual(
        { current: mac.host.realPath(mac.kind.current), profile: mac.host.realPath(mac.kind.profile) },
        before,
      );
    });
  });
});
