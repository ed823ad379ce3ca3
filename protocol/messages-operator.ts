import * as z from 'zod';
import { fleetHostSchema, runSummarySchema } from './fleet.ts';
import { hostNameSchema, runIdSchema, timeSchema } from './ids.ts';
import { MAX_EVENTS_PER_MESSAGE } from './messages-agent.ts';
import { requestEnvelopeSchema } from './request.ts';
import { MAX_NAMED_FAILURES, rolloutAskSchema, rolloutIdSchema, rolloutSchema } from './rollout.ts';
import { anyRunEventSchema, reasonSchema } from './run-event.ts';
import { streamNameSchema, streamPositionsSchema } from './stream.ts';

/** Hosts of one `fleet` message at the most. */
export const MAX_HOSTS_PER_MESSAGE = 100;

/** Rollouts of one `rollouts` message at the most. */
export const MAX_ROLLOUTS_PER_MESSAGE = 50;

/** What a peer knows beyond its protocol version; unknown ones are ignored. */
const features = z.array(z.string().max(64)).max(32).optional();

/** Ties a `reply` to what it answers; unique in a connection. */
const id = z.int().nonnegative();

/** What an operator says to the relay. */
export const operatorMessageSchema = z.discriminatedUnion('type', [
  /** First, once. */
  z.object({
    type: z.literal('hello'),
    protocol: z.int().nonnegative(),
    client: z.object({ name: z.string().max(128), version: z.string().max(64) }),
    features,
  }),
  /** Update a host. Replied to when it is on the relay's disk. The host stands in the request. */
  requestEnvelopeSchema.extend({ type: z.literal('update-agent'), id }),
  z.object({ type: z.literal('cancel'), id, runId: runIdSchema }),
  /**
   * Update several hosts, a few at a time. Only to a relay whose welcome names the feature `rollouts`. Replied to when all
   * of it is on the relay's disk; the reply has `rollout`, and `refused` for hosts that are not part of it.
   */
  rolloutAskSchema.extend({ type: z.literal('start-rollout'), id }),
  /** Begin no other host of a rollout: those that have not begun are cancelled, those that run go on to their end. */
  z.object({ type: z.literal('stop-rollout'), id, rolloutId: rolloutIdSchema }),
  /** Ask a host for its status. Replied to at once; the status comes as a `host`. */
  z.object({ type: z.literal('refresh'), id, host: hostNameSchema }),
  /**
   * Send this run's events after `afterSeq` and its streams after these positions, and go on while there is more.
   * Streams that are not named are not sent. Saying it again replaces the positions.
   */
  z.object({
    type: z.literal('subscribe'),
    id,
    runId: runIdSchema,
    afterSeq: z.int().nonnegative(),
    streams: streamPositionsSchema,
  }),
  z.object({ type: z.literal('unsubscribe'), id, runId: runIdSchema }),
  /** Runs of a host, newest first; `before` is the id of the last one of the page before. The reply has `runs`. */
  z.object({
    type: z.literal('list-runs'),
    id,
    host: hostNameSchema,
    limit: z.int().min(1).max(100),
    before: runIdSchema.optional(),
  }),
]);
export type OperatorMessage = z.infer<typeof operatorMessageSchema>;

/** What the relay says to an operator. Besides these it sends binary frames of the runs subscribed to. */
export const toOperatorMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    protocol: z.int().nonnegative(),
    relayVersion: z.string().max(64),
    operator: z.string().max(128),
    /** The relay's clock, so that ages can be shown right. */
    now: timeSchema,
    features,
  }),
  /** All hosts, in parts; `last` ends the snapshot. Hosts that are not in it do not exist. */
  z.object({ type: z.literal('fleet'), hosts: z.array(fleetHostSchema).max(MAX_HOSTS_PER_MESSAGE), last: z.boolean() }),
  z.object({ type: z.literal('host'), host: fleetHostSchema }),
  z.object({ type: z.literal('host-removed'), host: hostNameSchema }),
  /** A run was asked for or has moved on. Also inside `host`; said alone because it is what changes most. */
  z.object({ type: z.literal('run'), run: runSummarySchema }),
  /** After the fleet, to who knows rollouts: those that are not over, and the last ones that are. Replaces what was said before. */
  z.object({ type: z.literal('rollouts'), rollouts: z.array(rolloutSchema).max(MAX_ROLLOUTS_PER_MESSAGE) }),
  /** A rollout was asked for or has moved on. */
  z.object({ type: z.literal('rollout'), rollout: rolloutSchema }),
  z.object({
    type: z.literal('events'),
    runId: runIdSchema,
    events: z.array(anyRunEventSchema).min(1).max(MAX_EVENTS_PER_MESSAGE),
  }),
  z.object({
    type: z.literal('reply'),
    id,
    ok: z.boolean(),
    error: reasonSchema.optional(),
    run: runSummarySchema.optional(),
    runs: z.array(runSummarySchema).max(100).optional(),
    rollout: rolloutSchema.optional(),
    refused: z
      .array(z.object({ host: hostNameSchema, reason: reasonSchema }))
      .max(MAX_NAMED_FAILURES)
      .optional(),
    message: z.string().max(2048).optional(),
  }),
  /** A stream of a subscribed run that the relay will never have (again), such as one that retention removed. */
  z.object({ type: z.literal('stream-gone'), runId: runIdSchema, stream: streamNameSchema }),
  z.object({ type: z.literal('error'), kind: z.string().max(64), message: z.string().max(2048) }),
]);
export type ToOperatorMessage = z.infer<typeof toOperatorMessageSchema>;
