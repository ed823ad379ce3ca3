import * as z from 'zod';
import { buildProgressSchema } from './build-progress.ts';
import { hostNameSchema, revSchema, runIdSchema, timeSchema } from './ids.ts';
import { outcomeSchema, phaseSchema } from './phase.ts';
import { rolloutIdSchema } from './rollout.ts';
import { generationSchema, lockedRefSchema, reasonSchema, rebootReasonsSchema } from './run-event.ts';

/** Who an agent is and where it runs, as it says in its hello. */
export const agentInfoSchema = z.object({
  /** New at every start of the process: tells a restart from a reconnect. */
  instance: z.string().min(1).max(64),
  bootId: z.string().max(64),
  version: z.string().max(64),
  rev: z.string().max(128),
  storePath: z.string().max(4096).optional(),
  platform: z.enum(['nixos', 'home-manager', 'nix-darwin', 'local']),
  /** As nix names it, such as `x86_64-linux`. */
  system: z.string().max(64),
  /** The flake attribute that the host is built from, such as `nixosConfigurations."web"`. */
  attribute: z.string().max(256),
  /** How runners are started: units and jobs of their own, or a session of their own that a service manager may end. */
  launcher: z.enum(['systemd', 'launchd', 'setsid']),
});
export type AgentInfo = z.infer<typeof agentInfoSchema>;

/** What an idle host says of itself. Absent fields are unknown. */
export const hostStatusSchema = z.object({
  at: timeSchema,
  nixcfg: z
    .object({
      path: z.string().max(4096),
      head: revSchema.optional(),
      branch: z.string().max(1024).optional(),
      /** Files that differ from HEAD, flake.lock among them. */
      dirty: z.boolean().optional(),
    })
    .optional(),
  /** What the checkout's lock holds for the input that carries the agent. */
  input: lockedRefSchema.optional(),
  /** The newest revision that the input's remote has, and when that was asked. */
  upstream: z.object({ rev: revSchema, checkedAt: timeSchema }).optional(),
  generation: generationSchema.optional(),
  /** What it has booted otherwise than the generation that runs: it needs a reboot unless there is none. */
  reboot: rebootReasonsSchema.optional(),
  /** What could not be found out, for people. */
  problems: z.array(z.string().max(2048)).max(10),
});
export type HostStatus = z.infer<typeof hostStatusSchema>;

/**
 * Where a request is on its way to the host: waiting at the relay, handed to the agent, begun (the runner's events tell
 * the rest), or over before it began.
 */
export const deliverySchema = z.enum(['queued', 'sent', 'begun', 'refused', 'expired', 'cancelled']);
export type Delivery = z.infer<typeof deliverySchema>;

/** A run as lists show it. The events of the run are the long form. */
export const runSummarySchema = z.object({
  runId: runIdSchema,
  host: hostNameSchema,
  requestedBy: z.string().max(128),
  requestedAt: timeSchema,
  expiresAt: timeSchema,
  targetRev: revSchema.optional(),
  /** The rollout that it is part of. */
  rollout: rolloutIdSchema.optional(),
  /** It is queued and its turn in the rollout has not come: its host is not told of it. */
  held: z.literal(true).optional(),
  delivery: deliverySchema,
  /** Number of the last event that the relay has. */
  seq: z.int().nonnegative(),
  phase: phaseSchema,
  phaseSince: timeSchema,
  versionBefore: z.string().max(64).optional(),
  versionAfter: z.string().max(64).optional(),
  outcome: outcomeSchema.optional(),
  changed: z.boolean().optional(),
  endedAt: timeSchema.optional(),
  reason: reasonSchema.optional(),
  /** How far the build is, while it goes on and the host says so. Never stored. */
  progress: buildProgressSchema.optional(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

/** A host as operators see it. */
export const fleetHostSchema = z.object({
  host: hostNameSchema,
  enrolledAt: timeSchema,
  online: z.boolean(),
  /** When the relay last heard of it; absent when it never connected. */
  lastSeenAt: timeSchema.optional(),
  agent: agentInfoSchema.optional(),
  status: hostStatusSchema.optional(),
  /** Newest first, a handful. The first is the live one, if one is. */
  runs: z.array(runSummarySchema).max(10),
});
export type FleetHost = z.infer<typeof fleetHostSchema>;

/** Whether nothing more will happen in a run. */
export function isOver(run: Pick<RunSummary, 'delivery' | 'outcome'>): boolean {
  return (
    run.outcome !== undefined ||
    run.delivery === 'refused' ||
    run.delivery === 'expired' ||
    run.delivery === 'cancelled'
  );
}

/** Whether a run waits for its turn in a rollout. */
export function isHeld(run: Pick<RunSummary, 'delivery' | 'held'>): boolean {
  return run.delivery === 'queued' && run.held === true;
}

/** Whether a run was over before its host began it: there are no events of it, no output and no locks. */
export function neverBegan(run: Pick<RunSummary, 'delivery' | 'outcome' | 'seq'>): boolean {
  return run.seq === 0 && isOver(run);
}
