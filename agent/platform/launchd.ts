/** The agent as a launchd job: which process it is, what it logged, and how it is brought back after a switch. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../run-directory/files.ts';
import { bootout, bootstrap, domainsOf, findJob, launchctl, type Job } from './launchctl.ts';
import { linesSince } from './log-lines.ts';
import { forBackground, logPathsOf } from './plist-text.ts';
import { readProcess } from './proc.ts';
import { planRevival } from './revival.ts';
import { runsFrom, type AgentService, type Revival, type ServiceManager } from './service-manager.ts';

/** Bytes of a log that are looked at. */
const MAX_LOG_TAIL = 64 * 1024;

/** A job's process may be a shell for a moment, until it becomes the agent (ms). */
const SETTLED_MS = 3000;

export interface LaunchdAgentOptions {
  readonly label: string;
  /** The folder with the plist that the activation installs, and where a generation has it. */
  readonly plists: string;
  readonly plistsInGeneration: string;
  readonly stateDir: string;
  readonly domains?: readonly string[];
}

export class Launchd implements ServiceManager {
  readonly #options: LaunchdAgentOptions;
  readonly #domains: readonly string[];
  /** A process of the agent's job that is another agent than the one that must run, and since when (monotonic, ms). */
  #stranger: { readonly pid: number; readonly since: number } | undefined;

  constructor(options: LaunchdAgentOptions) {
    this.#options = options;
    this.#domains = options.domains ?? domainsOf(process.getuid?.() ?? 0);
  }

  async agent(): Promise<AgentService> {
    const found = await findJob(this.#domains, this.#options.label);
    if (!found) return { active: false, state: `not loaded in ${this.#domains.join(' or ')}` };
    const { pid } = found.job;
    const process = pid === undefined ? undefined : readProcess(pid);
    return { active: pid !== undefined, state: describe(found.job), ...(process && { process }) };
  }

  /** launchd keeps no list of what has failed. */
  failedUnits(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  async agentLog(since: number): Promise<readonly string[]> {
    const { label } = this.#options;
    const job = (await findJob(this.#domains, label))?.job;
    const plist = readText(this.#plist());
    const paths = job?.stderrPath !== undefined ? [job.stderrPath] : plist === undefined ? [] : logPathsOf(plist);
    return [...new Set(paths)].flatMap(path => tailSince(path, since)).slice(-20);
  }

  /**
   * Brings the agent of a generation back where launchd has lost it: Home Manager ignores, depending on its version, that
   * launchd would not load the new job. Loads only the plist that the generation carries: another one would be an agent that
   * nobody asked for.
   */
  async revive({ toplevel, storePath }: Revival): Promise<string | undefined> {
    const { label, plistsInGeneration } = this.#options;
    const found = await findJob(this.#domains, label);
    const process = found?.job.pid === undefined ? undefined : readProcess(found.job.pid);
    const wanted = readText(join(toplevel, plistsInGeneration, `${label}.plist`));
    const installed = readText(this.#plist());
    const isWanted = process === undefined || storePath === undefined || runsFrom(process, storePath);
    if (isWanted || process.pid !== this.#stranger?.pid)
      this.#stranger = isWanted ? undefined : { pid: process.pid, since: performance.now() };
    const isSettled = this.#stranger !== undefined && performance.now() - this.#stranger.since >= SETTLED_MS;
    const plan = planRevival({
      job: found?.job,
      isWanted,
      isSettled,
      plist: installed === undefined ? 'missing' : installed === wanted ? 'wanted' : 'other',
    });
    switch (plan) {
      case 'nothing':
        return undefined;
      case 'cannot':
        return installed === undefined
          ? `${this.#plist()} is not there: launchd cannot load the agent`
          : `${this.#plist()} is not the generation's: the activation has put another one there`;
      case 'kickstart':
        return found && this.#kickstart(`${found.domain}/${label}`);
      case 'reload':
        if (!found) return undefined;
        if (!(await bootout(found.domain, label))) return `launchd did not let go of ${found.domain}/${label}`;
        // launchd takes a moment to clear up; whoever waits for the agent asks again
        return `${found.domain} had kept the old job: unloaded it`;
      case 'load':
        return this.#load(installed ?? '');
    }
  }

  async #kickstart(target: string): Promise<string> {
    const answer = await launchctl('kickstart', target);
    return answer.code === 0
      ? `${target} was loaded, but did not run: started it`
      : `launchctl kickstart ${target}: ${answer.said}`;
  }

  /** One attempt in each domain: whoever waits for the agent asks again. */
  async #load(plist: string): Promise<string> {
    const { label } = this.#options;
    const said: string[] = [];
    for (const domain of this.#domains) {
      const path = domain.startsWith('user/') ? this.#backgroundCopy(plist) : this.#plist();
      const result = await bootstrap(domain, path, 0);
      if (result.ok) return `${label} was not loaded: loaded it into ${domain}`;
      said.push(`launchctl bootstrap ${domain}: ${result.why}`);
      if (result.kind !== 'no-domain') break;
    }
    return said.join('; ');
  }

  #plist(): string {
    return join(this.#options.plists, `${this.#options.label}.plist`);
  }

  /** The same job for a session without a screen, which is another plist for launchd. */
  #backgroundCopy(plist: string): string {
    const path = join(this.#options.stateDir, `${this.#options.label}.background.plist`);
    writeFileAtomically(path, forBackground(plist), 0o600);
    return path;
  }
}

function describe({ state, lastExit }: Job): string {
  return lastExit === undefined || state === 'running' ? state : `${state} (last: ${lastExit})`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function tailSince(path: string, since: number): readonly string[] {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size, mtimeMs } = fstatSync(fd);
      if (mtimeMs < since) return [];
      const buffer = Buffer.alloc(Math.min(size, MAX_LOG_TAIL));
      const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      return linesSince(buffer.toString('utf8', 0, length), since);
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}
