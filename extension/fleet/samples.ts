import {
  rolloutIdSchema,
  runIdSchema,
  type AgentInfo,
  type FleetHost,
  type Rollout,
  type RunId,
  type RunSummary,
} from '../../protocol/index.ts';

/** Hosts and runs to test with. */

export const NOW = 1_800_000_000_000;
export const OLD_REV = 'a'.repeat(40);
export const NEW_REV = 'b'.repeat(40);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The run id number `n`; a greater number is a later run. */
export function runId(n: number): RunId {
  return runIdSchema.parse(`01J${String(n).padStart(23, '0')}`);
}

export const AGENT: AgentInfo = {
  instance: 'i',
  bootId: 'b',
  version: '2.3.0',
  rev: OLD_REV,
  storePath: '/nix/store/00000000000000000000000000000000-nixfleet-agent-2.3.0',
  platform: 'nixos',
  system: 'x86_64-linux',
  attribute: 'nixosConfigurations."web"',
  launcher: 'systemd',
};

export function aHost(host = 'web', part: Partial<FleetHost> = {}): FleetHost {
  return { host, enrolledAt: NOW - HOUR, online: true, lastSeenAt: NOW, agent: AGENT, runs: [], ...part };
}

/** A host with a newer revision upstream. */
export function anOutdatedHost(host = 'web', part: Partial<FleetHost> = {}): FleetHost {
  const status = { at: NOW, input: { rev: OLD_REV }, upstream: { rev: NEW_REV, checkedAt: NOW }, problems: [] };
  return aHost(host, { status, ...part });
}

export function aRun(n: number, part: Partial<RunSummary> = {}): RunSummary {
  return {
    runId: runId(n),
    host: 'web',
    requestedBy: 'ana',
    requestedAt: NOW - MINUTE,
    expiresAt: NOW + 24 * HOUR,
    delivery: 'begun',
    seq: 3,
    phase: 'building',
    phaseSince: NOW - 42_000,
    ...part,
  };
}

export function anEndedRun(n: number, part: Partial<RunSummary> = {}): RunSummary {
  const changed = part.outcome === undefined || part.outcome === 'succeeded';
  return aRun(n, { seq: 20, phase: 'committing', outcome: 'succeeded', changed, endedAt: NOW - MINUTE, ...part });
}

export const NO_COUNTS: Rollout['counts'] = {
  ...{ waiting: 0, offline: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
};

/** A rollout that has just begun on two hosts of four. */
export function aRollout(part: Partial<Rollout> = {}): Rollout {
  return {
    ...{ rolloutId: rolloutIdSchema.parse(runId(1)), requestedBy: 'ana', requestedAt: NOW, targetRev: NEW_REV },
    ...{ width: 5, stagger: 2000, stopAfterFailures: 3, failed: [] },
    counts: { ...NO_COUNTS, waiting: 2, running: 2 },
    ...part,
  };
}
