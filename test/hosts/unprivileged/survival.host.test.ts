import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { ulid } from 'ulid';
import { runIdSchema, sealRequest, type RunId } from '../../../protocol/index.ts';
import {
  agentPid,
  assertAsBefore,
  assertNothingWasLost,
  assertOutcome,
  assertUpdatedTo,
  factsOf,
  runDirectory,
} from '../../fleet/oracle.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator } from '../../support/operator.ts';
import type { TestHost } from '../lab/host.ts';

const AGENT_UNIT = 'nixfleet-agent.service';
const MASK = `etc/systemd/system/${AGENT_UNIT}`;

describe('A run that an unprivileged agent started', function () {
  this.timeout(180_000);
  let fleet: Fleet;
  let operator: Operator;
  let host: TestHost;

  before(async function () {
    this.timeout(600_000);
    fleet = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    host = await fleet.addHost('h1');
    operator = await fleet.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(() => fleet.close());

  const unitOf = (runId: RunId): string => `nixfleet-run@${runId}.service`;
  const show = (unit: string, ...properties: string[]): Promise<string> =>
    host.run(['systemctl', 'show', `--property=${properties.join(',')}`, unit]);
  const journalOf = (runId: RunId): string => {
    const path = `${runDirectory(runId)}/journal.ndjson`;
    return host.exists(path) ? host.readFile(path) : '';
  };
  const isOnline = (): Promise<unknown> =>
    operator.waitFor('the agent', () => operator.hosts.get('h1')?.online && operator.hosts.get('h1')?.agent);

  it('is the same process after the activation that changes its template', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 60, msPerLine: 30 } });
    await fleet.lab.nixfleet.publish('1.1.0');
    const run = await operator.watch(await operator.update('h1'));
    await operator.waitFor('output of the build', () => run.output.includes('building part 10 of'));
    const unit = unitOf(run.runId);
    const before = await show(unit, 'MainPID', 'InvocationID', 'NRestarts', 'ControlGroup');
    assert.match(before, /ControlGroup=\/system\.slice\/system-nixfleet\\x2drun\.slice\/nixfleet-run@/);
    await operator.waitFor('the proof', () => run.state.phase === 'confirming');
    assert.match(await show(unit, 'ExecStart'), /nixfleet-agent-1\.1\.0\//, 'the template is the new one');
    assert.equal(await show(unit, 'MainPID', 'InvocationID', 'NRestarts', 'ControlGroup'), before);
    await operator.finished(run.runId);
    await assertUpdatedTo(host, run, '1.1.0');
    assertNothingWasLost(host, run);
    await host.waitFor(async () => /ActiveState=inactive/.test(await show(unit, 'ActiveState')), { what: 'its end' });
    assert.equal(await host.run(['systemctl', 'is-system-running']), 'running');
  });

  it('outlives a generation without the module, and brings the old one back, of which the relay learns', async () => {
    const { nixcfg } = fleet.lab;
    const path = nixcfg.path('hosts/h1.nix');
    const sound = nixcfg.read(path);
    // it says that it carries the agent, so that it is activated
    const without = `imports = [
    ({ config, ... }: {
      services.nixfleet-agent.enable = lib.mkForce false;
      environment.etc."nixfleet/agent.json".source = "\${config.services.nixfleet-agent.package}/share/nixfleet/agent.json";
    })
  ];
  users.users.ana`;
    await nixcfg.commit({ [path]: sound.replace('users.users.ana', without) }, 'Lose the module');
    await fleet.lab.nixfleet.publish('1.2.0');
    const facts = await factsOf(host);
    const run = await operator.watch(await operator.update('h1', { deadlines: { confirming: 5000 } }));
    await host.waitFor(async () => /LoadState=not-found/.test(await show(unitOf(run.runId), 'LoadState')), {
      what: 'a generation without the template',
      deadline: 90_000,
    });
    assert.match(await show(unitOf(run.runId), 'ActiveState', 'NRestarts'), /NRestarts=0\nActiveState=active/);
    await operator.finished(run.runId);
    assertOutcome(run, 'rolled-back');
    assert.match(run.state.end?.reason?.message ?? '', /was not proven within 5 s: .*not there/);
    await assertAsBefore(host, { ...facts, agentVersion: '1.1.0' });
    assertNothingWasLost(host, run);
    await nixcfg.commit({ [path]: sound }, 'Take the module back');
  });

  it('ends a generation whose agent never starts in the same way', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { agent: 'missing' });
    await fleet.lab.nixfleet.publish('1.3.0');
    const facts = await factsOf(host);
    const run = await operator.finished(await operator.update('h1', { deadlines: { confirming: 5000 } }));
    assertOutcome(run, 'rolled-back');
    assert.equal(run.state.end?.reason?.kind, 'agent-not-confirmed');
    await assertAsBefore(host, facts);
    await isOnline();
  });

  it('is finished after a power loss, with no agent and no network', async () => {
    await fleet.lab.nixcfg.setFaults('h1', { build: { lines: 100, msPerLine: 50 } });
    await fleet.lab.nixfleet.publish('1.4.0');
    const facts = await factsOf(host);
    const run = await operator.watch(await operator.update('h1', { deadlines: { confirming: 4000 } }));
    await operator.waitFor('output of the build', () => run.output.includes('building part 10 of'));
    await host.networkDown();
    await host.powerLoss(disk => symlinkSync('/dev/null', join(disk, MASK)));
    await host.bootAgain();
    await host.waitFor(() => /"type":"ended"/.test(journalOf(run.runId)), { what: 'its end', deadline: 120_000 });
    assert.equal(await agentPid(host), 0, 'no agent');
    assert.match(
      await host.journal('nixfleet-recover.service'),
      new RegExp(`the runner of run ${run.runId} is started`),
    );
    // the run had not touched the agent: that none runs is not its doing
    assert.match(journalOf(run.runId), /"outcome":"failed".*"kind":"power-loss"/);
    await assertAsBefore(host, { ...facts, agentVersion: '' });

    await host.run(['rm', `/${MASK}`]);
    await host.networkUp();
    await host.run(['systemctl', 'daemon-reload']);
    await host.run(['systemctl', 'start', AGENT_UNIT]);
    await operator.finished(run.runId);
    assertNothingWasLost(host, run);
  });

  it('begins at boot when its request was left in the inbox', async () => {
    await fleet.lab.nixcfg.setFaults('h1');
    const runId = runIdSchema.parse(ulid());
    const now = Date.now();
    const envelope = sealRequest({
      ...{ format: 1, verb: 'update-agent', runId, host: 'h1', requestedAt: now, expiresAt: now + 600_000 },
      deadlines: { confirming: 4000 },
    });
    const entry = { format: 1, envelope, broughtBy: 'nobody', receivedAt: now };
    await host.powerLoss(disk => symlinkSync('/dev/null', join(disk, MASK)));
    host.writeFile(`/var/lib/nixfleet-agent/inbox/${runId}.json`, JSON.stringify(entry), { owner: 'nixfleet-agent' });
    await host.bootAgain();
    await host.waitFor(() => /"type":"ended"/.test(journalOf(runId)), { what: 'its end', deadline: 120_000 });
    await host.run(['rm', `/${MASK}`]);
    await host.run(['systemctl', 'daemon-reload']);
    await host.run(['systemctl', 'start', AGENT_UNIT]);
    await isOnline();
  });

  it('is not needed for an agent that cannot reach its relay: it says so once, and tries again', async () => {
    await fleet.forward.kill();
    const since = String(Math.floor(Date.now() / 1000));
    await host.run(['systemctl', 'restart', AGENT_UNIT]);
    const lines = async (): Promise<string[]> => {
      const text = await host.run(['journalctl', '-u', AGENT_UNIT, '--since', `@${since}`, '-o', 'cat', '--no-pager']);
      return text.split('\n').filter(line => line.startsWith('no link to the relay'));
    };
    await host.waitFor(async () => (await lines()).length > 0, { what: 'a line in the journal' });
    assert.match(
      (await lines())[0] ?? '',
      /^no link to the relay: nobody listens at 10\.77\.0\.1:7780; next try in [\d.]+ s$/,
    );
    await fleet.forward.start();
    await isOnline();
    assert.match(await show(AGENT_UNIT, 'NRestarts', 'ActiveState'), /NRestarts=0\nActiveState=active/);
    assert.equal((await lines()).length, 1);
  });
});
