/** 200 MB of output through host, relay and operator: how long it takes, and by how much agent and relay grow. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { agentPid, runDirectory } from '../test/fleet/oracle.ts';
import type { TestHost } from '../test/hosts/lab/host.ts';
import { Fleet } from '../test/support/fleet.ts';
import { printTable, seconds } from './table.ts';

const MEGABYTE = 1_000_000;
const LINES = 1_650_000;
const LINE_BYTES = 120;

export async function benchOutput(): Promise<void> {
  await using fleet = await Fleet.create({ hosts: ['h1'] });
  const host = await fleet.addHost('h1');
  const operator = await fleet.operator();
  await operator.waitFor('the agent', () => operator.hosts.get('h1')?.online);
  // one small run first, so that what is loaded once does not count as growth
  await operator.finished(await operator.update('h1'));

  await fleet.lab.nixcfg.setFaults('h1', { build: { lines: LINES, lineBytes: LINE_BYTES } });
  const pid = await agentPid(host);
  const before = { agent: await agentMemory(host, pid), relay: relayMemory(fleet) };
  const peak = { ...before };
  const sampling = new AbortController();
  const sampled = (async () => {
    while (!sampling.signal.aborted) {
      peak.relay = Math.max(peak.relay, relayMemory(fleet));
      peak.agent = Math.max(peak.agent, await agentMemory(host, pid));
      await delay(200);
    }
  })();

  const begin = performance.now();
  const run = await operator.watch(await operator.update('h1'));
  await operator.waitFor('all of the output', () => run.state.phase === 'activating' || run.state.end, 15 * 60_000);
  const built = performance.now() - begin;
  // the activation replaces the agent
  sampling.abort();
  await sampled;
  await operator.finished(run.runId, 15 * 60_000);
  assert.ok(run.bytes('output').equals(host.readBytes(`${runDirectory(run.runId)}/output.log`)), 'byte for byte');

  const bytes = run.bytes('output').length;
  console.log(
    `${(bytes / MEGABYTE).toFixed(0)} MB in ${LINES} lines, equal byte for byte at the operator; built and shown in ${seconds(built)} (${(bytes / MEGABYTE / (built / 1000)).toFixed(1)} MB/s)\n`,
  );
  const mb = (value: number): string => `${(value / MEGABYTE).toFixed(0)} MB`;
  printTable(
    ['process', 'before', 'peak', 'growth'],
    (['agent', 'relay'] as const).map(name => [name, mb(before[name]), mb(peak[name]), mb(peak[name] - before[name])]),
  );
}

/** Resident bytes of a process on a host. */
async function agentMemory(host: TestHost, pid: number): Promise<number> {
  return resident(await host.run(['cat', `/proc/${pid}/status`]));
}

function relayMemory(fleet: Fleet): number {
  return resident(readFileSync(`/proc/${fleet.relay.pid}/status`, 'utf8'));
}

function resident(status: string): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}
