import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { assertOutcome } from '../fleet/oracle.ts';
import { OWNER, OWNER_HOME } from '../hosts/lab/host.ts';
import { HomeRig, IMPATIENT, type HomeFacts } from '../support/home-rig.ts';

describe('Home Manager on a Linux host with the user’s own systemd', function () {
  this.timeout(240_000);
  let home: HomeRig;
  let facts: HomeFacts;

  before(async function () {
    this.timeout(600_000);
    home = await HomeRig.start('linux-home');
  });
  after(() => home.close());
  beforeEach(async () => {
    await home.configure();
    facts = await home.facts();
  });

  it('is updated by a run in a unit of its own, which outlives the agent that the switch ends', async () => {
    const pid = await home.agentPid();
    const version = await home.publish();
    const run = await home.operator.watch(await home.operator.update('h1'));
    await home.operator.waitFor('the build', () => run.state.phase === 'building');
    assert.equal(await home.systemctl('is-active', `nixfleet-run-${run.runId}.service`), 'active');
    await home.operator.finished(run.runId);
    await home.assertUpdatedTo(run, version);
    assert.notEqual(await home.agentPid(), pid);
    assert.deepEqual([run.state.host?.platform, run.state.host?.method], ['home-manager', 'activate']);
    assert.match(run.output, /Restarting units: nixfleet-agent\.service/);
  });

  it('says that there is nothing to update', async () => {
    const run = await home.update();
    assertOutcome(run, 'succeeded');
    assert.equal(run.state.end?.changed, false);
  });

  for (const agent of ['crash', 'mute', 'stopped'] as const)
    it(`takes back an agent that is not there after the switch: ${agent}`, async () => {
      await home.configure({ agent });
      await home.publish();
      const run = await home.update(IMPATIENT);
      assertOutcome(run, 'rolled-back');
      assert.equal(run.state.end?.reason?.kind, 'agent-not-confirmed');
      assert.match(
        run.state.end.reason.message,
        // the last look may have met systemd as it starts the agent once more
        { crash: /activating|failed|systemd-executor/, mute: /not .*nixfleet-agent/, stopped: /inactive/ }[agent],
      );
      assert.deepEqual(await home.facts(), facts);
    });

  for (const [at, exit] of [
    ['links', 7],
    ['after', 4],
  ] as const)
    it(`takes back an activation that fails in the middle (${at}), with all that it had brought by then`, async () => {
      await home.configure({ brings: true, standIn: { fault: { at, exit } } });
      await home.publish();
      const run = await home.update();
      assertOutcome(run, 'failed');
      assert.match(run.state.end?.reason?.message ?? '', new RegExp(`activate ended with exit code ${exit}`));
      assert.deepEqual(await home.facts(), facts);
    });

  it('takes back what a power loss left half done or unproven, when its user’s services are up again', async () => {
    await home.configure({ agent: 'mute', brings: true });
    await home.publish();
    const run = await home.operator.watch(await home.operator.update('h1'));
    await home.reached(run.runId, 'confirming');
    assert.deepEqual((await home.brought()).length, 3);
    await home.host.powerLoss();
    await home.host.bootAgain();
    await home.linger();
    await home.operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assert.equal(run.state.end?.reason?.kind, 'power-loss');
    assert.deepEqual(await home.facts(), facts);
  });

  it('says that its user does not linger, until the user does', async () => {
    const check = (): Promise<string> =>
      home.host
        .exec([`${OWNER_HOME}/.nix-profile/bin/nixfleet-agent`, 'check'], { user: OWNER })
        .then(({ stdout }) => stdout);
    const told = (): readonly string[] => home.operator.hosts.get('h1')?.status?.problems ?? [];
    await home.operator.waitFor(
      'the problem',
      () => told().some(problem => /ana does not linger/.test(problem)),
      30_000,
    );
    assert.match(
      await check(),
      /✗ linger +ana does not linger: the agent ends when ana logs out.*\n.*→ Once: sudo loginctl enable-linger ana/,
    );
    // as loginctl does, which needs a logind
    home.host.writeFile(`/var/lib/systemd/linger/${OWNER}`, '');
    assert.match(await check(), /✓ linger +the agent outlives a logout and starts at boot/);
    await home.systemctl('restart', 'nixfleet-agent.service');
    await home.operator.waitFor('no problem', () => told().length === 0, 30_000);
  });
});
