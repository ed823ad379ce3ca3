import { isOver, type FleetHost, type RunId, type RunSummary } from '../../protocol/index.ts';
import type { HostRecord } from '../backbone/backbone.ts';

/** Runs of a host that operators are shown without asking. */
export const SHOWN_RUNS = 5;

/** A host with its newest runs, the live one first. */
export function fleetHost(record: HostRecord, runs: readonly RunSummary[]): FleetHost {
  return { ...record, runs: shown(runs) };
}

/** The host with a run as it is now. */
export function withRun(host: FleetHost, run: RunSummary): FleetHost {
  return { ...host, runs: shown([...host.runs.filter(({ runId }) => runId !== run.runId), run]) };
}

export function withoutRun(host: FleetHost, runId: RunId): FleetHost {
  return { ...host, runs: host.runs.filter(run => run.runId !== runId) };
}

function shown(runs: readonly RunSummary[]): RunSummary[] {
  return [...runs].sort((a, b) => rank(a) - rank(b) || (a.runId < b.runId ? 1 : -1)).slice(0, SHOWN_RUNS);
}

function rank(run: RunSummary): number {
  return isOver(run) ? 1 : 0;
}
