import * as z from 'zod';
import { revSchema, timeSchema } from './ids.ts';
import { agentManifestSchema } from './manifest.ts';
import { outcomeSchema, phaseSchema } from './phase.ts';

/** The journal's format. A runner reads the journals of every released format. */
export const JOURNAL_FORMAT = 1;

/** What is locked for an input. Rev is absent for inputs without one (path, tarball). */
export const lockedRefSchema = z.object({
  rev: revSchema.optional(),
  /** Seconds since the epoch. */
  lastModified: z.int().nonnegative().optional(),
  narHash: z.string().max(128).optional(),
  /** The flake reference, as nix prints it. */
  url: z.string().max(4096).optional(),
});
export type LockedRef = z.infer<typeof lockedRefSchema>;

export const generationSchema = z.object({
  /** Store path of the system or home that runs. */
  toplevel: z.string().max(4096),
  /** Its number in the profile, where the profile has it. */
  number: z.int().positive().optional(),
});
export type Generation = z.infer<typeof generationSchema>;

/** A host as it was at one moment of a run. Absent fields are unknown, not empty. */
export const snapshotSchema = z.object({
  /** Commit of the nixcfg checkout. */
  head: revSchema.optional(),
  branch: z.string().max(1024).optional(),
  /** Locked reference of the input that carries the agent. */
  input: lockedRefSchema.optional(),
  agent: agentManifestSchema.optional(),
  generation: generationSchema.optional(),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

export const commitSchema = z.object({
  rev: revSchema,
  subject: z.string().max(1024),
  author: z.string().max(256),
  at: timeSchema,
});
export type Commit = z.infer<typeof commitSchema>;

/** What went wrong, for people: one sentence of what happened, one of what to do. `kind` is stable, for programs. */
export const reasonSchema = z.object({
  kind: z.string().max(64),
  message: z.string().max(8192),
  advice: z.string().max(8192).optional(),
});
export type Reason = z.infer<typeof reasonSchema>;

/** Changes of packages in one event at the most. */
export const MAX_PACKAGE_CHANGES = 300;

/** A package whose versions or size differ between two closures. Several versions of one may be in a closure. */
export const packageChangeSchema = z.object({
  name: z.string().max(256),
  /** Versions that only the older closure has; `''` is a package without a version. */
  before: z.array(z.string().max(128)).max(16),
  /** Versions that only the newer one has. */
  after: z.array(z.string().max(128)).max(16),
  /** Bytes by which it grew. Absent: by little, or not known. */
  bytes: z.int().optional(),
});
export type PackageChange = z.infer<typeof packageChangeSchema>;

/** Parts of the system, such as `kernel`, that run as they were booted. */
export const rebootReasonsSchema = z.array(z.string().max(64)).max(8);

const base = { v: z.int().positive(), seq: z.int().positive(), at: timeSchema };

/** One line of a run's journal. */
export const runEventSchema = z.discriminatedUnion('type', [
  /** The runner works in another phase from now on. */
  z.object({ ...base, type: z.literal('phase'), phase: phaseSchema, deadlineAt: timeSchema.optional() }),
  /** Where and how this run works, from the host's own configuration. */
  z.object({
    ...base,
    type: z.literal('host'),
    platform: z.string().max(32),
    method: z.string().max(32),
    nixcfg: z.string().max(4096),
    owner: z.string().max(256),
    attribute: z.string().max(256),
    input: z.string().max(256),
    bootId: z.string().max(64),
  }),
  /** The host before the run changed anything; what a failed run restores. */
  z.object({
    ...base,
    type: z.literal('recorded'),
    before: snapshotSchema,
    lockSha256: z.string().length(64).optional(),
  }),
  z.object({
    ...base,
    type: z.literal('pulled'),
    from: revSchema,
    to: revSchema,
    /** Newest first; `more` counts those that are not listed. */
    commits: z.array(commitSchema).max(100),
    more: z.int().nonnegative(),
    /** The URL of the remote, without credentials. */
    remote: z.string().max(4096).optional(),
  }),
  z.object({
    ...base,
    type: z.literal('locked'),
    input: z.string().max(256),
    before: lockedRefSchema.optional(),
    after: lockedRefSchema,
    changed: z.boolean(),
  }),
  /** What a build came to, also one that failed: derivations built, store paths downloaded, and their bytes. */
  z.object({
    ...base,
    type: z.literal('build-totals'),
    builds: z.int().nonnegative(),
    downloads: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
  }),
  z.object({ ...base, type: z.literal('built'), toplevel: z.string().max(4096), manifest: agentManifestSchema }),
  /** What differs between the closures of the recorded generation and the one that was built. */
  z.object({
    ...base,
    type: z.literal('packages'),
    changes: z.array(packageChangeSchema).max(MAX_PACKAGE_CHANGES),
    /** How many more there are. */
    more: z.int().nonnegative(),
  }),
  z.object({
    ...base,
    type: z.literal('activated'),
    toplevel: z.string().max(4096),
    /** Units that failed after the activation and not before it. */
    failedUnits: z.array(z.string().max(256)).max(100),
  }),
  z.object({
    ...base,
    type: z.literal('confirmed'),
    agent: agentManifestSchema,
    pid: z.int().positive(),
    /** `hello`: the relay has greeted it. `local`: no relay could be reached, and the agent is healthy by itself. */
    proof: z.enum(['hello', 'local']),
  }),
  z.object({ ...base, type: z.literal('committed'), generation: generationSchema }),
  /** What the host has booted and its new generation has otherwise, such as `kernel`: it needs a reboot unless there is none. */
  z.object({ ...base, type: z.literal('reboot'), because: rebootReasonsSchema }),
  /**
   * The run has reached its goal: it ends as succeeded, whatever comes now. What is left is to publish its lock, and a
   * runner that takes over does only that.
   */
  z.object({ ...base, type: z.literal('publishing'), changed: z.boolean() }),
  /** What became of the lock of a run that succeeded, where the host publishes it. */
  z.object({
    ...base,
    type: z.literal('published'),
    /** `held`: upstream has the very same lock already, so nothing was pushed. */
    result: z.enum(['pushed', 'held', 'not-published']),
    /** Where to, such as `origin/main`. */
    to: z.string().max(1024).optional(),
    /** The commit upstream that holds the lock. */
    rev: revSchema.optional(),
    /** Why it was not published. */
    why: z.string().max(8192).optional(),
  }),
  /** A child process begins. Its output goes to `raw` in the run directory and is rendered to the output from `outputOffset` on. */
  z.object({
    ...base,
    type: z.literal('step-started'),
    step: z.int().positive(),
    argv: z.array(z.string().max(8192)).max(256),
    user: z.string().max(256),
    raw: z.string().max(256),
    rawOffset: z.int().nonnegative(),
    outputOffset: z.int().nonnegative(),
  }),
  z.object({
    ...base,
    type: z.literal('step-ended'),
    step: z.int().positive(),
    exitCode: z.int().optional(),
    signal: z.string().max(32).optional(),
    durationMs: z.int().nonnegative(),
  }),
  z.object({ ...base, type: z.literal('warning'), message: z.string().max(8192) }),
  /** Another runner process carries on where one died. */
  z.object({ ...base, type: z.literal('resumed'), bootId: z.string().max(64), why: z.string().max(1024) }),
  /** Something was put back as recorded. */
  z.object({
    ...base,
    type: z.literal('restored'),
    what: z.enum(['checkout', 'generation']),
    detail: z.string().max(1024),
  }),
  /** Somebody asked to cancel; the run ends at the next safe point. */
  z.object({ ...base, type: z.literal('cancel-asked'), by: z.string().max(256) }),
  z.object({
    ...base,
    type: z.literal('ended'),
    outcome: outcomeSchema,
    /** Whether the host runs another generation than before the run. */
    changed: z.boolean(),
    after: snapshotSchema,
    reason: reasonSchema.optional(),
    /** The last lines of the failed step's output, without control sequences. */
    lastLines: z.array(z.string().max(2048)).max(50).optional(),
  }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

/** Any numbered line of a journal, also one of a type that only a newer runner knows. Carried on as it is. */
export const anyRunEventSchema = z.looseObject({ ...base, type: z.string().max(64) });
export type AnyRunEvent = z.infer<typeof anyRunEventSchema>;

/** The event as this build understands it; undefined for a type or shape it does not know. */
export function knownEvent(event: AnyRunEvent): RunEvent | undefined {
  const parsed = runEventSchema.safeParse(event);
  return parsed.success ? parsed.data : undefined;
}
