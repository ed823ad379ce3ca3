/**
 * What an idle host says of itself: checkout, lock, newest revision, generation. git and nix run with the rights of the
 * checkout's owner; what cannot be found out is left out and named as a problem.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { hostStatusSchema, type HostStatus } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import { findNixcfg } from '../nixcfg/find.ts';
import { lingerProblem } from '../platform/linger.ts';
import { hostRebootReasons } from '../platform/reboot.ts';
import { readJsonFile, writeFileAtomically } from '../run-directory/files.ts';
import { statePaths } from '../run-directory/layout.ts';
import { queryAs } from '../steps/query.ts';
import { lookAtCheckout } from './checkout.ts';
import { currentGeneration } from './generation.ts';
import { newestRevision } from './upstream.ts';

export interface CollectOptions {
  /** Also ask the input's remote, which takes the network and a moment. */
  readonly upstream: boolean;
  /** What was known before; the newest revision is carried on from it where it is not asked or not answered. */
  readonly previous?: HostStatus | undefined;
}

const MAX_PROBLEMS = 10;
const MAX_STATUS_BYTES = 1024 * 1024;

/** Finds the status out. Never rejects for what is wrong with the host: that is what `problems` are for. */
export async function collectStatus(
  config: Pick<AgentConfig, 'nixcfgPath' | 'owner' | 'inputName' | 'platform' | 'system' | 'git' | 'nix'>,
  { upstream: askUpstream, previous }: CollectOptions,
): Promise<HostStatus> {
  const generation = currentGeneration(config.system);
  const reboot = hostRebootReasons(config);
  const base = { at: Date.now(), ...(generation && { generation }), ...(reboot && { reboot }) };
  const known = previous?.upstream;
  const linger = lingerProblem(config);
  const own = linger ? [`${linger.message}. ${linger.advice}`] : [];
  const found = findNixcfg(config);
  if (!found.ok) {
    const problems = [`${found.message}. ${found.advice}`, ...own].map(sentence);
    return { ...base, ...(known && { upstream: known }), problems };
  }
  const { path, owner } = found.nixcfg;
  const query = queryAs(owner, path, {
    sshKeyFile: config.git.sshKeyFile,
    knownHosts: config.git.knownHosts,
    accessTokensFile: config.nix.accessTokensFile,
  });
  const { original, problems, ...checkout } = await lookAtCheckout(query, path, config.inputName);
  const newest = askUpstream && original ? await newestRevision(query, original) : undefined;
  // a lock that has moved since makes what was newest then look like something new
  const locked = checkout.input?.rev;
  const stillNewest = [previous?.input?.rev, known?.rev].includes(locked) ? known : undefined;
  const upstream = newest?.ok ? { rev: newest.rev, checkedAt: Date.now() } : stillNewest;
  const more = newest && !newest.ok && newest.problem !== undefined ? [newest.problem] : [];
  return {
    ...base,
    ...checkout,
    ...(upstream && { upstream }),
    problems: [...problems, ...own, ...more].map(sentence).slice(0, MAX_PROBLEMS),
  };
}

/** Finds the status out, the newest revision upstream included, and keeps it. */
export async function refreshStatus(config: AgentConfig): Promise<void> {
  const { stateDir } = config;
  writeStatus(stateDir, await collectStatus(config, { upstream: true, previous: readStatus(stateDir) }));
}

/** Keeps a status for `nixfleet-agent status`, and for an agent that may not look into the owner's home itself. */
export function writeStatus(stateDir: string, status: HostStatus): void {
  const path = statePaths(stateDir).status;
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileAtomically(path, `${JSON.stringify(status)}\n`, 0o644);
}

/** The status as last written; undefined when there is none. */
export function readStatus(stateDir: string): HostStatus | undefined {
  const read = readJsonFile(statePaths(stateDir).status, hostStatusSchema, MAX_STATUS_BYTES);
  return read.ok ? read.value : undefined;
}

function sentence(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 2048);
}
