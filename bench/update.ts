/**
 * One host, updated through NixFleet and by the four commands over SSH, in turns: each turn publishes a version, updates
 * one way, publishes another, and updates the other way. So both do the same work on the same host.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { execa } from 'execa';
import { OWNER, OWNER_HOME, type TestHost } from '../test/hosts/lab/host.ts';
import { Fleet } from '../test/support/fleet.ts';
import type { Operator } from '../test/support/operator.ts';
import { median, printTable, seconds } from './table.ts';

const TURNS = 7;
const SETTLING = 1500;

interface Sample {
  readonly total: number;
  /** Milliseconds by phase, in order. */
  readonly phases: ReadonlyMap<string, number>;
}

export async function benchUpdate(): Promise<void> {
  await using fleet = await Fleet.create({ hosts: ['h1'], options: { deadlines: { settling: SETTLING / 1000 } } });
  const host = await fleet.addHost('h1');
  const operator = await fleet.operator();
  await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  const ssh = await letIn(fleet, host);

  const bySsh: number[] = [];
  const byNixfleet: Sample[] = [];
  for (let turn = 1; turn <= TURNS; turn++) {
    await fleet.lab.nixfleet.publish(`2.${turn}.0`);
    bySsh.push(await updateOverSsh(fleet, ssh));
    await agentRuns(host, operator, `2.${turn}.0`);
    // a lock that a person left is theirs, and NixFleet would not touch it
    await host.run(['git', '-C', host.checkout, 'checkout', '--quiet', 'flake.lock'], { user: OWNER });
    await fleet.lab.nixfleet.publish(`2.${turn}.1`);
    byNixfleet.push(await updateThroughNixfleet(operator));
  }

  const [ours, theirs] = [median(byNixfleet.map(sample => sample.total)), median(bySsh)];
  console.log(
    `${TURNS} turns each, interleaved; settling ${seconds(SETTLING)} (10 s by default) is part of NixFleet's time.\n`,
  );
  printTable(
    ['way', 'median', 'fastest', 'slowest', 'ratio'],
    [
      ['four commands over SSH', ...spread(bySsh), '1.00'],
      ['NixFleet', ...spread(byNixfleet.map(sample => sample.total)), (ours / theirs).toFixed(2)],
      ['NixFleet without settling', seconds(ours - SETTLING), '', '', ((ours - SETTLING) / theirs).toFixed(2)],
    ],
  );
  console.log('\nWhere NixFleet’s time goes (medians):\n');
  const names = [...(byNixfleet[0]?.phases.keys() ?? [])];
  printTable(
    ['phase', 'time'],
    names.map(name => [name, seconds(median(byNixfleet.map(sample => sample.phases.get(name) ?? 0)))]),
  );
}

function spread(values: readonly number[]): string[] {
  return [median(values), Math.min(...values), Math.max(...values)].map(seconds);
}

/** Lets the bench's key in as the checkout's owner; returns the ssh command line. */
async function letIn(fleet: Fleet, host: TestHost): Promise<string[]> {
  const key = join(fleet.lab.folder, 'bench-key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const { stdout: publicKey } = await execa('ssh-keygen', ['-y', '-f', key]);
  host.writeFile(`${OWNER_HOME}/.ssh/authorized_keys`, `${publicKey}\n`, { owner: 'ana', mode: 0o600 });
  await host.run(['ssh-keygen', '-A']);
  await host.run(['systemctl', 'start', 'ssh.service']);
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  return ['ssh', '-i', key, ...options.flatMap(option => ['-o', option]), `ana@${host.address}`];
}

async function updateOverSsh(fleet: Fleet, ssh: readonly string[]): Promise<number> {
  const commands =
    'cd ~/Code/nixcfg && git pull --quiet && nix flake update nixfleet && sudo nixos-rebuild switch --flake .#$(hostname)';
  const begin = performance.now();
  const { exitCode, stderr } = await fleet.lab.inLan([...ssh, commands]);
  assert.equal(exitCode, 0, stderr);
  return performance.now() - begin;
}

async function updateThroughNixfleet(operator: Operator): Promise<Sample> {
  const begin = performance.now();
  const run = await operator.finished(await operator.update('h1'));
  const total = performance.now() - begin;
  assert.equal(run.state.end?.outcome, 'succeeded', run.output);
  const phases = new Map(
    run.state.phases.map(span => [span.phase as string, (span.endedAt ?? span.startedAt) - span.startedAt]),
  );
  const inPhases = [...phases.values()].reduce((sum, ms) => sum + ms, 0);
  phases.set('on the way (operator, relay, agent, start of the runner)', Math.max(0, total - inPhases));
  return { total, phases };
}

/** Waits until the agent of that version is connected, so that no turn pays for the one before. */
async function agentRuns(host: TestHost, operator: Operator, version: string): Promise<void> {
  await operator.waitFor(`agent ${version} on ${host.name}`, () => {
    const seen = operator.hosts.get(host.name);
    return seen?.online && seen.agent?.version === version;
  });
}
