import {
  generationSchema,
  lockedRefSchema,
  type AgentManifest,
  type Generation,
  type LockedRef,
  type Snapshot,
} from '../../protocol/index.ts';
import { findInput, flakeUrl, parseFlakeLock } from '../../flake-lock/index.ts';
import { isRunning } from '../process.ts';
import { readProcess } from '../platform/proc.ts';
import { readManifest } from '../platform/rebuilder.ts';
import { runsFrom } from '../platform/service-manager.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { statePaths } from '../run-directory/layout.ts';
import { readLock } from '../nixcfg/checkout.ts';
import type { Progress, RunContext } from './context.ts';

/** Generation and agent of the host now. */
export function systemSnapshot(run: Pick<RunContext, 'config' | 'rebuilder'>): Pick<Snapshot, 'agent' | 'generation'> {
  const { running, profile, number } = run.rebuilder.current();
  const agent = runningAgent(run.config.stateDir) ?? (running === undefined ? undefined : agentOf(running));
  const generation: Generation | undefined =
    running === undefined
      ? undefined
      : { toplevel: running, ...(running === profile && number !== undefined && { number }) };
  return { ...(agent && { agent }), ...(generation && { generation: generationSchema.parse(generation) }) };
}

/** The agent that runs, by what it says of itself, as far as its process bears that out. */
function runningAgent(stateDir: string): AgentManifest | undefined {
  const state = readAgentState(statePaths(stateDir).agent);
  if (!state?.identity || !isRunning(state)) return undefined;
  const process = readProcess(state.pid);
  return process && runsFrom(process, state.identity.storePath) ? state.identity : undefined;
}

function agentOf(toplevel: string): AgentManifest | undefined {
  const read = readManifest(toplevel);
  return read.ok ? read.manifest : undefined;
}

/** What a lock holds for an input; empty when there is no such lock or input. */
export function lockedRefOf(lock: Uint8Array | undefined, input: string): Pick<Snapshot, 'input'> {
  const parsed = lock && parseFlakeLock(new TextDecoder().decode(lock));
  if (!parsed?.ok) return {};
  const locked = findInput(parsed.lock, [input])?.locked;
  if (!locked) return {};
  const { rev, lastModified, narHash } = locked;
  const ref = lockedRefSchema.safeParse({ rev, lastModified, narHash, url: flakeUrl(locked).slice(0, 4096) });
  const shown: LockedRef = ref.success ? ref.data : { url: flakeUrl(locked).slice(0, 4096) };
  return { input: shown };
}

/** The host at the end of the run. */
export async function finalSnapshot(run: RunContext, { checkout }: Progress): Promise<Snapshot> {
  const system = systemSnapshot(run);
  if (!checkout) return system;
  const head = await checkout.git.head().catch(() => undefined);
  const lock = await readLock(checkout.query).catch(() => undefined);
  return {
    ...(head && { head: head.rev, ...(head.branch !== undefined && { branch: head.branch.slice(0, 1024) }) }),
    ...lockedRefOf(lock, run.config.inputName),
    ...system,
  };
}
