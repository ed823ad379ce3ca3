/**
 * How a platform builds, activates and commits generations. One small interface: the runner knows the phases, a rebuilder
 * knows the commands. What the commands' endings mean is decided beside them, in pure functions.
 */
import { readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AGENT_MANIFEST_PATH, agentManifestSchema, type AgentManifest } from '../../protocol/index.ts';
import { readJsonFile } from '../run-directory/files.ts';
import type { RunReason } from '../runner/reason.ts';
import type { StepCommand, StepResult } from '../runner/step-runner.ts';

/** What a host runs and what it boots. Absent: unknown. */
export interface HostGeneration {
  /** Store path of the generation that runs. */
  readonly running?: string;
  /** Store path that the profile points to: what boots next. */
  readonly profile?: string;
  /** The profile's number for `profile`. */
  readonly number?: number;
}

/** How an activation ended. */
export type Activation =
  | { readonly kind: 'done' }
  /** It runs, but some unit failed to start or restart. */
  | { readonly kind: 'units-failed' }
  /** Refused before anything was touched. */
  | { readonly kind: 'refused'; readonly reason: RunReason }
  /** It went wrong on the way. */
  | { readonly kind: 'failed'; readonly reason: RunReason };

/** Runs a step as the user that activates (root on NixOS), in `/`. */
export type RunStep = (
  argv: readonly [string, ...string[]],
  more?: Partial<Pick<StepCommand, 'cwd' | 'env'>>,
) => Promise<StepResult>;

export interface ByHand {
  /** Builds and activates what the checkout holds. */
  readonly rebuild: string;
  /** Activates a generation that is there. */
  readonly activate: (toplevel: string) => string;
}

export interface Rebuilder {
  /**
   * `staged`: the profile moves when the agent is proven. `nixos-rebuild`: what people have wrapped. `activate`: the
   * generation's own script, and whatever it moves.
   */
  readonly method: 'staged' | 'nixos-rebuild' | 'activate';
  /**
   * Whether a boot brings the profile's generation back as a whole. Not so in a home and on a Mac: jobs and links stay as the
   * last activation left them.
   */
  readonly bootsWhole: boolean;
  /** What a person does at the host, as commands to be shown. */
  readonly byHand: ByHand;
  /** The flake output that is built, below the flake's reference: `nixosConfigurations."web".config…`. */
  readonly buildAttribute: string;
  current(): HostGeneration;
  /** Makes `toplevel` run. With the method nixos-rebuild also the profile moves, to what it built itself; in a home to `toplevel`. */
  activate(run: RunStep, toplevel: string, checkout: Checkout): Promise<Activation>;
  /**
   * Makes the recorded generation run and boot again.
   * @param built the generation whose activation may have ended half-way, where it is known
   */
  rollBack(run: RunStep, recorded: string, built?: string): Promise<Activation>;
  /** Makes the recorded generation, which runs, what boots next. Undefined when it worked. */
  restoreDefault(run: RunStep, recorded: string): Promise<RunReason | undefined>;
  /** Makes `toplevel`, which runs and is proven, what the host boots. Undefined when it worked. */
  commit(run: RunStep, toplevel: string): Promise<RunReason | undefined>;
}

/** Whose checkout, and where. */
export interface Checkout {
  readonly path: string;
  readonly owner: { readonly name: string; readonly uid: number; readonly gid: number };
}

/** A store path; its first group is the folder of the store. */
export const STORE_PATH = /^(\/.+)\/[0-9a-z]{32}-[^/]+$/;

/** What the links of a system say. */
export function readGenerations(current: string, profile: string): HostGeneration {
  const running = realPath(current);
  const profileTarget = realPath(profile);
  const number = profileNumber(profile);
  return {
    ...(running !== undefined && { running }),
    ...(profileTarget !== undefined && { profile: profileTarget }),
    ...(number !== undefined && { number }),
  };
}

/** The number of a profile's current generation. */
function profileNumber(profile: string): number | undefined {
  try {
    const link = basename(readlinkSync(profile));
    const prefix = `${basename(profile)}-`;
    const digits = link.startsWith(prefix) ? /^(\d+)-link$/.exec(link.slice(prefix.length))?.[1] : undefined;
    return digits === undefined ? undefined : Number(digits);
  } catch {
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

export type ManifestResult =
  { readonly ok: true; readonly manifest: AgentManifest } | { readonly ok: false; readonly message: string };

/** Bytes that a manifest may have. */
const MAX_MANIFEST_BYTES = 64 * 1024;

/**
 * The agent that a generation carries. Who builds the generation decides what its links lead to, and root reads: only a
 * regular file of a reasonable size in the store that the generation lies in is a manifest.
 */
export function readManifest(toplevel: string): ManifestResult {
  const path = join(toplevel, AGENT_MANIFEST_PATH);
  const file = realPath(path);
  if (file === undefined) return { ok: false, message: `${path} does not exist` };
  const store = STORE_PATH.exec(realPath(toplevel) ?? '')?.[1];
  if (store === undefined) return { ok: false, message: `${toplevel} is not a store path` };
  if (!file.startsWith(`${store}/`)) return { ok: false, message: `${path} leads out of the store` };
  const read = readJsonFile(file, agentManifestSchema, MAX_MANIFEST_BYTES, { name: path });
  return read.ok ? { ok: true, manifest: read.value } : { ok: false, message: read.message };
}
