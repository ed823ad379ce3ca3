import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { RunId } from '../../protocol/index.ts';
import { assertNothingWasLost, assertOutcome } from '../fleet/oracle.ts';
import { Lab } from '../hosts/lab/lab.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { Fleet } from '../support/fleet.ts';
import type { Operator } from '../support/operator.ts';
import { cannotRun } from '../../scripts/test/cannot-run.ts';

describe('a run in a unit of its own', function () {
  this.timeout(180_000);
  let fleet: Fleet | undefined;
  let lab: Lab;
  let operator: Operator;
  let host: TestHost;

  before(async function () {
    this.timeout(600_000);
    const reason = await Lab.unsupported();
    if (reason !== undefined) cannotRun(this, reason);
    const made = await Fleet.create({ hosts: ['h1'], log: line => console.log(`      ${line}`) });
    fleet = made;
    lab = made.lab;
    host = await made.addHost('h1');
    operator = await made.operator();
    await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  });
  after(async function () {
    this.timeout(60_000);
    await fleet?.close();
  });

  const unitOf = (runId: RunId) => `nixfleet-run@${runId}.service`;

  async function show(unit: string): Promise<Record<string, string>> {
    const names =
      'LoadState,ActiveState,MainPID,NRestarts,Restart,RestartUSec,KillMode,CollectMode,ControlGroup,Environment,OOMPolicy';
    const text = await host.run(['systemctl', 'show', `--property=${names}`, unit]);
    const values: Record<string, string> = {};
    for (const line of text.trimEnd().split('\n'))
      values[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
    return values;
  }

  it('outlives its agent, daemon-reload, and its own end by kill -9, and leaves nothing behind', async () => {
    await lab.nixcfg.setFaults('h1', { build: { lines: 200, msPerLine: 30 } });
    await lab.nixfleet.publish('1.1.0');
    const run = await operator.watch(await operator.update('h1'));
    const unit = unitOf(run.runId);
    await operator.waitFor('output of the build', () => run.output.includes('building part 10 of 200'));
    assert.equal(operator.hosts.get('h1')?.agent?.launcher, 'systemd');

    const first = await show(unit);
    const { MainPID: pid, Environment: environment = '', ControlGroup: group, ...rest } = first;
    assert.deepEqual(rest, {
      LoadState: 'loaded',
      ActiveState: 'active',
      NRestarts: '0',
      Restart: 'on-failure',
      RestartUSec: '1s',
      KillMode: 'control-group',
      CollectMode: 'inactive-or-failed',
      OOMPolicy: 'continue',
    });
    assert.equal(group, `/system.slice/system-nixfleet\\x2drun.slice/${unit}`);
    assert.match(environment, /^PATH=\S+$/, 'nothing that everybody may not read');
    assert.match(
      await host.run(['cat', `/proc/${pid}/cmdline`]),
      /nixfleet-agent-1\.0\.0\//,
      'the version of the agent',
    );

    await host.run(['systemctl', 'stop', 'nixfleet-agent.service']);
    await host.run(['systemctl', 'daemon-reload']);
    assert.equal((await show(unit))['MainPID'], pid);
    await host.run(['systemctl', 'start', 'nixfleet-agent.service']);
    assert.equal((await show(unit))['MainPID'], pid, 'the new agent leaves the runner alone');

    await host.run(['kill', '-9', pid ?? '']);
    await host.waitFor(async () => ![pid, '0'].includes((await show(unit))['MainPID']), { what: 'another runner' });
    assert.equal((await show(unit))['NRestarts'], '1');

    await operator.finished(run.runId);
    assertOutcome(run, 'succeeded');
    assertNothingWasLost(host, run);
    assert.ok(run.events.some(event => event.type === 'resumed'));
    // asking about an instance loads it again, so the list is what tells
    const loaded = ['systemctl', 'list-units', '--all', '--plain', '--no-legend', 'nixfleet-run@*'];
    await host.waitFor(async () => (await host.run(loaded)) === '', { what: 'the unit to be collected' });
    assert.equal((await host.exec(['systemctl', 'is-system-running'])).stdout.trim(), 'running');
  });

  it('is told of in the journal, with priorities', async () => {
    await lab.nixcfg.setFaults('h1', {});
    const finished = await operator.finished(await operator.update('h1'));
    assertOutcome(finished, 'succeeded');
    const log = await host.journal('nixfleet-agent.service');
    assert.match(log, /asked for an update: run /);
    assert.doesNotMatch(log, /<\d>/, 'priorities are for the journal, not for its readers');
    const priorities = await host.run([
      'journalctl',
      '-u',
      'nixfleet-agent',
      '-o',
      'json',
      '--output-fields=PRIORITY,MESSAGE',
      '--no-pager',
    ]);
    const asked = priorities.split('\n').find(line => line.includes('asked for an update'));
    assert.equal((JSON.parse(asked ?? '{}') as { PRIORITY?: string }).PRIORITY, '6');
  });

  it('is checked by nixfleet-agent check on the host', async () => {
    const agent = `${host.realPath('/run/current-system')}/etc/nixfleet/agent.json`;
    const { storePath } = JSON.parse(host.readFile(agent)) as { storePath: string };
    const { stdout, exitCode } = await host.exec([`${storePath}/bin/nixfleet-agent`, 'check']);
    console.log(stdout.replace(/^/gm, '      '));
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /✓ nix .*reads the flake/);
    assert.ok(operator.hosts.get('h1')?.online, 'the agent keeps its link');
    const status = await host.run([`${storePath}/bin/nixfleet-agent`, 'status', '--write']);
    console.log(status.replace(/^/gm, '      '));
    assert.match(status, /newest +[0-9a-f]{12}, asked just now/);
  });
});
