import * as z from 'zod';

/** Where a run is, in order. `queued` is the relay's; the runner writes the others into its journal. */
export const PHASES = [
  'queued',
  'accepted',
  'pulling',
  'locking',
  'building',
  'activating',
  'confirming',
  'committing',
] as const;
export type Phase = (typeof PHASES)[number];
export const phaseSchema = z.enum(PHASES);

/** How a run can end. `inconsistent` says that something could not be undone, and what. */
export const OUTCOMES = ['succeeded', 'failed', 'cancelled', 'rolled-back', 'inconsistent'] as const;
export type Outcome = (typeof OUTCOMES)[number];
export const outcomeSchema = z.enum(OUTCOMES);

/** Milliseconds that each phase may take unless the host's configuration or the request says otherwise. */
export const DEFAULT_DEADLINES = {
  queued: 24 * 3_600_000,
  accepted: 30_000,
  pulling: 2 * 60_000,
  locking: 5 * 60_000,
  building: 60 * 60_000,
  activating: 15 * 60_000,
  confirming: 90_000,
  committing: 5 * 60_000,
} as const satisfies Record<Phase, number>;

/** Milliseconds without a byte of output after which a build counts as stuck. */
export const DEFAULT_BUILD_SILENCE = 20 * 60_000;

/** Milliseconds that publishing the lock of a run that succeeded may take. */
export const DEFAULT_PUBLISHING = 2 * 60_000;

/** Milliseconds that the new agent must stay up, once proven, before the run commits. */
export const DEFAULT_SETTLING = 10_000;

/** When a run puts the old generation back: when the agent is not proven, also when the activation failed, or never. */
export const rollbackSchema = z.enum(['agent', 'always', 'never']);
export type RollbackPolicy = z.infer<typeof rollbackSchema>;
