/** What must be true of a host and of what was seen of its run, whatever happened in between. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseJournal } from '../../agent/run-directory/journal.ts';
import type { Outcome, RunId } from '../../protocol/index.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { OWNER } from '../hosts/lab/host.ts';
import type { WatchedRun } from '../support/operator.ts';

const STATE = '/var/lib/nixfleet-agent';

/** Where a run lies on a lab's host. */
export function runDirectory(runId: RunId, stateDir = STATE): string {
  return join(stateDir, 'runs', runId);
}

/** The host as a person would find it: which generation runs and boots, which agent, and what the checkout holds. */
export interface HostFacts {
  readonly current: string;
  readonly bootDefault: string;
  readonly profile: string;
  readonly agentVersion: string;
  readonly head: string;
  readonly branch: string;
  readonly lock: string;
  readonly status: string;
}

export async function factsOf(host: TestHost): Promise<HostFacts> {
  const git = (...args: string[]): Promise<string> => host.run(['git', '-C', host.checkout, ...args], { user: OWNER });
  return {
    current: host.realPath('/run/current-system'),
    bootDefault: host.realPath('/boot/default'),
    profile: host.realPath('/nix/var/nix/profiles/system'),
    agentVersion: await runningAgentVersion(host),
    head: await git('rev-parse', 'HEAD'),
    branch: await git('symbolic-ref', '--short', 'HEAD').catch(() => 'detached'),
    lock: host.readFile(join(host.flake, 'flake.lock')),
    status: await git('status', '--porcelain'),
  };
}

/** The version of the agent whose process the unit's main process is, by the store path it runs from; '' without one. */
async function runningAgentVersion(host: TestHost): Promise<string> {
  const pid = await agentPid(host);
  if (pid === 0) return '';
  const command = await host.run(['cat', `/proc/${pid}/cmdline`]);
  return /nixfleet-agent-([0-9.]+)\//.exec(command)?.[1] ?? '';
}

/** The main process of the agent's unit, as a pid of the host; 0 when it does not run. */
export async function agentPid(host: TestHost): Promise<number> {
  return Number(await host.run(['systemctl', 'show', '--property=MainPID', '--value', 'nixfleet-agent.service']));
}

/** What arrived is what the host wrote: output and locks byte for byte, and every event once, in order. */
export function assertNothingWasLost(host: TestHost, run: WatchedRun, stateDir?: string): void {
  const dir = runDirectory(run.runId, stateDir);
  const journal = parseJournal(host.readBytes(join(dir, 'journal.ndjson')));
  assert.equal(journal.damage, undefined);
  assert.deepEqual(run.events, journal.events);
  const output = host.readBytes(join(dir, 'output.log'));
  assertSameBytes(run.bytes('output'), output);
  for (const [stream, file] of [
    ['lock-before', 'lock.before.json'],
    ['lock-after', 'lock.after.json'],
  ] as const) {
    const path = join(dir, file);
    const written = host.exists(path) ? host.readFile(path) : '';
    assert.equal(run.bytes(stream).toString(), written, file);
  }
}

/** The output that arrived is the output that was written; says where they part when it is not. */
function assertSameBytes(arrived: Buffer, written: Buffer): void {
  if (arrived.equals(written)) return;
  const at = arrived.findIndex((byte, index) => byte !== written[index]);
  const from = at < 0 ? Math.min(arrived.length, written.length) : at;
  const near = (bytes: Buffer): string =>
    JSON.stringify(bytes.subarray(Math.max(0, from - 100), from + 200).toString());
  assert.fail(
    `of ${written.length} bytes of output ${arrived.length} arrived, another from byte ${from} on:\n` +
      `arrived ${near(arrived)}\nwritten ${near(written)}`,
  );
}

/** The run ended like this; says with what reason when it did not. */
export function assertOutcome(run: WatchedRun, outcome: Outcome): void {
  const end = run.state.end;
  const told = `${JSON.stringify(end, null, 2)}\n${run.output.slice(-3000)}`;
  assert.equal(end?.outcome, outcome, told);
}

/** The new generation is all there is: it runs, it boots, and the agent that its manifest names is the one that runs. */
export async function assertUpdatedTo(host: TestHost, run: WatchedRun, version: string): Promise<void> {
  assertOutcome(run, 'succeeded');
  const built = run.state.built;
  assert.ok(built);
  const facts = await factsOf(host);
  assert.equal(built.manifest.version, version);
  assert.equal(facts.agentVersion, version);
  assert.deepEqual([facts.current, facts.profile, facts.bootDefault], [built.toplevel, built.toplevel, built.toplevel]);
  assert.equal(run.state.end?.after.agent?.version, version);
}

/** The host is as it was before the run. */
export async function assertAsBefore(host: TestHost, before: HostFacts): Promise<void> {
  assert.deepEqual(await factsOf(host), before);
}
