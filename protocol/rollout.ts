import * as z from 'zod';
import { hostNameSchema, revSchema, runIdSchema, timeSchema, ulidSchema } from './ids.ts';
import { requestEnvelopeSchema } from './request.ts';

/** Hosts of one rollout at the most: what fits into one message with its requests. */
export const MAX_ROLLOUT_HOSTS = 1000;

/** Hosts that a rollout names as failed at the most; its counts know all. */
export const MAX_NAMED_FAILURES = 100;

/** What a relay and an operator that know rollouts say among the `features` of their welcome and hello. */
export const ROLLOUTS = 'rollouts';

/** A rollout's id: a ULID, made on the operator's side like that of a run. */
export const rolloutIdSchema = ulidSchema('a rollout id').brand('RolloutId');
export type RolloutId = z.infer<typeof rolloutIdSchema>;

/** How a rollout goes about it. */
export const rolloutPaceSchema = z.object({
  /** Hosts that are updated at the same time, at the most. */
  width: z.int().min(1).max(100),
  /** Milliseconds from one start to the next, at the least. */
  stagger: z.int().min(0).max(3_600_000),
  /** After so many failures no other host is begun. */
  stopAfterFailures: z.int().min(1).max(MAX_ROLLOUT_HOSTS),
});
export type RolloutPace = z.infer<typeof rolloutPaceSchema>;

export const DEFAULT_WIDTH = 5;
export const DEFAULT_STAGGER = 2_000;

/**
 * After how many failures a rollout over so many hosts stops unless said otherwise: three, or from 60 hosts on one in
 * twenty. One failure is a matter of that host, two can be a coincidence; and in a big fleet a few hosts are always unwell.
 */
export function defaultStopAfterFailures(hosts: number): number {
  return Math.max(3, Math.ceil(hosts / 20));
}

/** What an operator asks for: an update of several hosts, each with a request of its own, in the order of their turns. */
export const rolloutAskSchema = rolloutPaceSchema.extend({
  rolloutId: rolloutIdSchema,
  requests: z.array(requestEnvelopeSchema).min(1).max(MAX_ROLLOUT_HOSTS),
});
export type RolloutAsk = z.infer<typeof rolloutAskSchema>;

const count = z.int().nonnegative();

/** How many of a rollout's hosts are where. They add up to all of its hosts. */
export const rolloutCountsSchema = z.object({
  /** Their turn has not come. */
  waiting: count,
  /** Their turn comes when they are online. */
  offline: count,
  running: count,
  succeeded: count,
  /** Failed, rolled back, inconsistent, or refused by the host. */
  failed: count,
  /** Cancelled, or expired: nothing was changed on them, or it was taken back. */
  cancelled: count,
});
export type RolloutCounts = z.infer<typeof rolloutCountsSchema>;

/** Several hosts that are updated in one go, as operators see it. Times are the relay's. */
export const rolloutSchema = rolloutPaceSchema.extend({
  rolloutId: rolloutIdSchema,
  requestedBy: z.string().max(128),
  requestedAt: timeSchema,
  /** The revision on which all hosts end, when their requests name one and the same. */
  targetRev: revSchema.optional(),
  counts: rolloutCountsSchema,
  /** Those that failed, in the order of their turns. */
  failed: z.array(z.object({ host: hostNameSchema, runId: runIdSchema })).max(MAX_NAMED_FAILURES),
  /** No other host is begun: a person said so (`by`), or too many failed. */
  stopped: z.object({ at: timeSchema, by: z.string().max(128).optional() }).optional(),
  /** Nothing more will happen in it. */
  endedAt: timeSchema.optional(),
});
export type Rollout = z.infer<typeof rolloutSchema>;

/** All hosts of a rollout. */
export function hostsOf({ waiting, offline, running, succeeded, failed, cancelled }: RolloutCounts): number {
  return waiting + offline + running + succeeded + failed + cancelled;
}
