/**
 * The fault matrix: in every phase of a run every fault happens once, on a real host. This file says which cells there are,
 * which of them mean nothing and why, and how a run may end in each. Pure: `rig.ts` carries a cell out.
 */
import { PHASES, type Outcome, type Phase } from '../../protocol/index.ts';

/** How a run ends: as its journal says, or `refused` before it began, as the relay says. */
export type End = Outcome | 'refused';

/** Every fault, with what it is for people who read the table. */
export const FAULTS = {
  'kill-agent': '`kill -9` agent',
  'kill-runner': '`kill -9` runner',
  'kill-both': '`kill -9` agent and runner',
  'kill-relay': '`kill -9` relay',
  'power-loss': 'power loss of the host: what was not synced is gone',
  'network-cut': 'network cut and restored',
  'network-lost': 'network cut for longer than the confirm deadline',
  'relay-empty': 'relay restarted from a backup without the run, old socket half-open',
  'window-reloaded': 'viewer gone, another one begins from nothing',
  'disk-full': 'disk of the host full',
  'clock-ahead': 'clock of agent and runner a day ahead',
  'clock-behind': 'clock of agent and runner a day behind',
  'agent-crashes': 'new agent crashes at start',
  'agent-crashes-kill-runner': 'new agent crashes at start, and `kill -9` runner',
  'agent-unreachable': 'new agent cannot reach the relay, while the old one could',
  'activation-exits-4': 'activation exits with 4: some unit failed',
  'activation-hangs': 'activation hangs',
} as const;
export type Fault = keyof typeof FAULTS;

export interface RunCell {
  readonly phase: Phase;
  readonly fault: Fault;
  /** How the run may end. More than one where the moment decides: what was on the disk when the power went. */
  readonly ends: readonly End[];
}

export interface NotApplicable {
  readonly phase: Phase;
  readonly fault: Fault;
  /** Why there is nothing to try. */
  readonly why: string;
}

export type Cell = RunCell | NotApplicable;

/** Faults of the new generation: they are there once it is activated, whatever else happens. */
const OF_THE_GENERATION: Partial<Record<Fault, Phase>> = {
  'agent-crashes': 'confirming',
  'agent-crashes-kill-runner': 'confirming',
  'agent-unreachable': 'confirming',
  'activation-exits-4': 'activating',
  'activation-hangs': 'activating',
};

export function cellOf(phase: Phase, fault: Fault): Cell {
  const why = whyNot(phase, fault);
  return why === undefined ? { phase, fault, ends: endsOf(phase, fault) } : { phase, fault, why };
}

/** What a fault may come to that strikes at any moment of a run. */
export function endsAnywhere(fault: Fault): readonly End[] {
  const ends = PHASES.map(phase => cellOf(phase, fault)).flatMap(cell => (isRun(cell) ? cell.ends : []));
  return [...new Set([...WENT_THROUGH, ...ends])];
}

export function isRun(cell: Cell): cell is RunCell {
  return 'ends' in cell;
}

/** Every cell, phase by phase. */
export function allCells(): readonly Cell[] {
  return PHASES.flatMap(phase => (Object.keys(FAULTS) as Fault[]).map(fault => cellOf(phase, fault)));
}

function whyNot(phase: Phase, fault: Fault): string | undefined {
  const only = OF_THE_GENERATION[fault];
  if (only !== undefined && only !== phase)
    return `it is a property of the new generation, which shows while ${only}; that cell is run`;
  if (phase !== 'queued') return undefined;
  if (fault === 'kill-runner') return 'there is no runner yet';
  if (fault === 'kill-both') return 'there is no runner yet; the agent alone is another cell';
  if (fault === 'relay-empty')
    return 'the request is nowhere but on that disk; the backup is as old as it is said to be';
  return undefined;
}

const WENT_THROUGH: readonly End[] = ['succeeded'];

function endsOf(phase: Phase, fault: Fault): readonly End[] {
  switch (fault) {
    case 'kill-agent':
    case 'kill-runner':
    case 'kill-both':
    case 'kill-relay':
    case 'relay-empty':
    case 'window-reloaded':
    case 'clock-behind':
    case 'activation-exits-4':
      return WENT_THROUGH;
    case 'clock-ahead':
      // by that clock a request is over that is a day old at the most
      return phase === 'queued' || phase === 'accepted' ? ['succeeded', 'refused'] : WENT_THROUGH;
    case 'network-cut':
    case 'network-lost':
      // where git and nix need it, or are about to
      return phase === 'accepted' || phase === 'pulling' || phase === 'locking'
        ? ['succeeded', 'failed']
        : WENT_THROUGH;
    case 'power-loss':
      if (phase === 'queued') return WENT_THROUGH;
      // the relay brings the request again when the host has nothing of it
      if (phase === 'accepted') return ['succeeded', 'failed'];
      if (phase === 'activating' || phase === 'confirming') return ['rolled-back'];
      // the profile may have reached the disk, or not
      return phase === 'committing' ? ['succeeded', 'rolled-back'] : ['failed'];
    case 'disk-full':
      if (phase === 'queued' || phase === 'accepted') return ['succeeded', 'failed', 'refused'];
      // proven, and no room for the profile or the boot entry: that is said
      return phase === 'activating' || phase === 'confirming' || phase === 'committing'
        ? ['succeeded', 'failed', 'rolled-back', 'inconsistent']
        : ['succeeded', 'failed'];
    case 'agent-crashes':
    case 'agent-crashes-kill-runner':
    case 'agent-unreachable':
      return ['rolled-back'];
    case 'activation-hangs':
      return ['failed', 'rolled-back'];
  }
}
