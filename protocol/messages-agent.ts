import * as z from 'zod';
import { buildProgressSchema } from './build-progress.ts';
import { agentInfoSchema, hostStatusSchema } from './fleet.ts';
import { hostNameSchema, runIdSchema } from './ids.ts';
import { requestEnvelopeSchema } from './request.ts';
import { anyRunEventSchema, reasonSchema } from './run-event.ts';
import { positionSchema, streamNameSchema, streamPositionsSchema } from './stream.ts';

/** Events of one message at the most. */
export const MAX_EVENTS_PER_MESSAGE = 200;

/** A run that lies on the host, and how much of it there is. */
export const runOnHostSchema = z.object({
  runId: runIdSchema,
  seq: z.int().nonnegative(),
  ended: z.boolean(),
  streams: streamPositionsSchema,
});
export type RunOnHost = z.infer<typeof runOnHostSchema>;

/**
 * What an agent says to the relay. Besides these it sends binary frames, for runs that the relay asked for.
 */
export const agentMessageSchema = z.discriminatedUnion('type', [
  /** First, once. `protocol` is the newest that the agent speaks; the welcome names the one that is spoken. */
  z.object({ type: z.literal('hello'), protocol: z.int().positive(), host: hostNameSchema, agent: agentInfoSchema }),
  /** All runs that the host still has (after the welcome), or one that is new. The relay answers with `resume` where it lacks something. */
  z.object({ type: z.literal('runs'), runs: z.array(runOnHostSchema).max(200) }),
  z.object({ type: z.literal('status'), status: hostStatusSchema }),
  /** The answer to `update-agent`: it is on the host's disk and a runner was started, or it was refused. */
  z.object({
    type: z.literal('request-result'),
    runId: runIdSchema,
    accepted: z.boolean(),
    reason: reasonSchema.optional(),
  }),
  /** Events of a run in order, without a gap behind what the relay said it has. */
  z.object({
    type: z.literal('events'),
    runId: runIdSchema,
    events: z.array(anyRunEventSchema).min(1).max(MAX_EVENTS_PER_MESSAGE),
  }),
  /** How far a run's build is. Only for a relay whose welcome asks for it; the newest counts, and none is said again. */
  z.object({ type: z.literal('progress'), runId: runIdSchema, progress: buildProgressSchema }),
  /** The answer to `cancel`: what will happen now, for people. */
  z.object({
    type: z.literal('cancel-result'),
    runId: runIdSchema,
    accepted: z.boolean(),
    message: z.string().max(2048),
  }),
]);
export type AgentMessage = z.infer<typeof agentMessageSchema>;

/** What the relay says to an agent. */
export const toAgentMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    protocol: z.int().positive(),
    relayVersion: z.string().max(64),
    /** It takes `progress`, which older relays of this protocol hang up on. */
    progress: z.boolean().optional(),
  }),
  /** Begin this run. Said again after every welcome until it is answered; the same id is the same run. */
  requestEnvelopeSchema.extend({ type: z.literal('update-agent') }),
  z.object({ type: z.literal('cancel'), runId: runIdSchema, by: z.string().max(128) }),
  /** Find out the host's status anew, also the newest revision upstream, and say it. */
  z.object({ type: z.literal('refresh') }),
  /** Send what comes after these positions, and go on while there is more. */
  z.object({
    type: z.literal('resume'),
    runId: runIdSchema,
    afterSeq: z.int().nonnegative(),
    streams: streamPositionsSchema,
  }),
  /** A frame did not follow on what the relay holds: send the stream again from here. */
  z.object({ type: z.literal('rewind'), runId: runIdSchema, stream: streamNameSchema, to: positionSchema }),
  /** The relay has events up to this number on its disk. */
  z.object({ type: z.literal('events-ack'), runId: runIdSchema, seq: z.int().nonnegative() }),
  /** The reason of a close that follows, for the agent's log. */
  z.object({ type: z.literal('error'), kind: z.string().max(64), message: z.string().max(2048) }),
]);
export type ToAgentMessage = z.infer<typeof toAgentMessageSchema>;
