/**
 * Where a run's truth lies on the host: one folder a run, written by its runner alone and read by the agent. This file
 * names the places; the others in this folder write and read them.
 */
import { join } from 'node:path';
import type { RunId, StreamName } from '../../protocol/index.ts';

export interface RunPaths {
  readonly dir: string;
  /** The request's bytes, verbatim. */
  readonly request: string;
  /** JSON: the envelope's key id and signature, who brought it and when it was taken from the inbox. */
  readonly envelope: string;
  /** One `RunEvent` a line, fsynced, numbered from 1. */
  readonly journal: string;
  /** What a person reads, bytes, append only. */
  readonly output: string;
  /** Records of 20 bytes, one for each flush: epoch u32, offset u64, time u64 (ms), big endian. */
  readonly outputIndex: string;
  readonly lockBefore: string;
  readonly lockAfter: string;
  /** A folder of the checkout's owner with the out-link that keeps the built generation from garbage collection. */
  readonly roots: string;
  /** JSON: pid, boot id and start time of the runner at work. */
  readonly runner: string;
  /** JSON `BuildProgress`, while a build goes on. */
  readonly progress: string;
}

export interface StatePaths {
  readonly runs: string;
  readonly inbox: string;
  /** SQLite file whose exclusive transaction is the lock of "one run at a time"; the kernel drops it with its holder. */
  readonly lock: string;
  /** JSON: the run that holds the lock, for the message that refuses another. */
  readonly holder: string;
  /** JSON: pid, instance and identity of the agent at work, and when the relay last greeted it. In a folder of the agent's. */
  readonly agent: string;
  /** JSON `HostStatus`, as last found out. In a folder of whoever finds it out. */
  readonly status: string;
  /** Touched by an agent that may not look itself: asks the status unit to find the status out anew. */
  readonly refresh: string;
  /** What lay in the inbox and was neither a file nor a link. */
  readonly rejected: string;
}

/** The places below a state folder. */
export function statePaths(stateDir: string): StatePaths {
  return {
    runs: join(stateDir, 'runs'),
    inbox: join(stateDir, 'inbox'),
    lock: join(stateDir, 'run-lock.sqlite'),
    holder: join(stateDir, 'run-lock.json'),
    agent: join(stateDir, 'agent/agent.json'),
    status: join(stateDir, 'status/status.json'),
    refresh: join(stateDir, 'inbox/refresh'),
    rejected: join(stateDir, 'rejected'),
  };
}

/** The places of one run. */
export function runPaths(stateDir: string, runId: RunId): RunPaths {
  const dir = join(statePaths(stateDir).runs, runId);
  return {
    dir,
    request: join(dir, 'request.json'),
    envelope: join(dir, 'envelope.json'),
    journal: join(dir, 'journal.ndjson'),
    output: join(dir, 'output.log'),
    outputIndex: join(dir, 'output.idx'),
    lockBefore: join(dir, 'lock.before.json'),
    lockAfter: join(dir, 'lock.after.json'),
    roots: join(dir, 'roots'),
    runner: join(dir, 'runner'),
    progress: join(dir, 'progress.json'),
  };
}

export interface InboxPaths {
  /** An envelope that waits for its runner (JSON `InboxEntry`). */
  readonly request: string;
  /** The mark that asks to cancel the run. */
  readonly cancel: string;
  /** The mark that asks for a runner for a run that has begun, where the service manager watches the inbox. */
  readonly wake: string;
}

/** What lies in the inbox for a run. */
export function inboxPaths(stateDir: string, runId: RunId): InboxPaths {
  const inbox = statePaths(stateDir).inbox;
  return {
    request: join(inbox, `${runId}.json`),
    cancel: join(inbox, `${runId}.cancel`),
    wake: join(inbox, `${runId}.wake`),
  };
}

/** The file behind each stream. */
export function streamPath(paths: RunPaths, stream: StreamName): string {
  return { output: paths.output, 'lock-before': paths.lockBefore, 'lock-after': paths.lockAfter }[stream];
}
