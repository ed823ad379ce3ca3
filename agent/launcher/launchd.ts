import { closeSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { bootout, bootstrap, BOOTSTRAP_PATIENCE_MS, domainsOf, findJob, isBusy } from '../platform/launchctl.ts';
import { writeFileAtomically } from '../run-directory/files.ts';
import { LaunchError, type Launcher, type RunnerProgram } from './launcher.ts';
import { plistXml } from './plist.ts';
import { RunnerLogs } from './runner-logs.ts';

const LABEL_PREFIX = 'org.nixfleet.run.';

export interface LaunchdOptions {
  readonly domains?: readonly string[];
  /** Milliseconds that launchd may take to clear up an earlier job of a run. */
  readonly patience?: number;
}

/**
 * Runners as launchd jobs of their own, one a run: a job ends with its process group, so a runner must be in nobody
 * else's. The plist lies in the state folder and never in LaunchAgents, where it would run again at the next login; what is
 * left of runs that have ended is removed at the next launch and at the agent's start.
 */
export class LaunchdLauncher implements Launcher {
  readonly name = 'launchd';
  readonly #program: RunnerProgram;
  readonly #folder: string;
  readonly #logs: RunnerLogs;
  readonly #domains: readonly string[];
  readonly #patience: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(program: RunnerProgram, stateDir: string, options: LaunchdOptions = {}) {
    this.#program = program;
    this.#folder = join(stateDir, 'launchd');
    this.#logs = new RunnerLogs(stateDir);
    this.#domains = options.domains ?? domainsOf(process.getuid?.() ?? 0);
    this.#patience = options.patience ?? BOOTSTRAP_PATIENCE_MS;
  }

  launch(runId: RunId): Promise<void> {
    return this.#inTurn(() => this.#launch(runId));
  }

  async #launch(runId: RunId): Promise<void> {
    if (await this.isAlive(runId)) return;
    await this.#tidy();
    // the job of a runner that died; its plist may be gone
    await this.#unload(runId);
    try {
      closeSync(this.#logs.open(runId));
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new LaunchError(`the runner's log or plist cannot be written: ${(error as Error).message}`);
    }
    const refusals: string[] = [];
    for (const domain of this.#domains) {
      const plist = this.#writePlist(runId, domain);
      const loaded = await bootstrap(domain, plist, this.#patience);
      if (loaded.ok) return;
      refusals.push(`${domain}: ${loaded.why}`);
      if (loaded.kind !== 'no-domain') break;
    }
    rmSync(this.#plist(runId), { force: true });
    throw new LaunchError(`launchd did not load ${label(runId)}: ${refusals.join('; ')}`);
  }

  async isAlive(runId: RunId): Promise<boolean> {
    const found = await findJob(this.#domains, label(runId));
    return found !== undefined && isBusy(found.job);
  }

  whereToLook(runId: RunId): string {
    return this.#logs.path(runId);
  }

  /** Unloads the jobs of runners that have ended, and removes their plists. */
  tidy(): Promise<void> {
    return this.#inTurn(() => this.#tidy());
  }

  async #tidy(): Promise<void> {
    for (const runId of this.#left()) if (await this.#unload(runId)) rmSync(this.#plist(runId), { force: true });
  }

  /** Whether launchd has no job of that run any more; one that is at work is left alone. */
  async #unload(runId: RunId): Promise<boolean> {
    const found = await findJob(this.#domains, label(runId));
    if (!found) return true;
    return !isBusy(found.job) && bootout(found.domain, label(runId), this.#patience);
  }

  /** One at a time: what one clears up must not be what another has just loaded. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Runs that a plist lies here for. */
  #left(): RunId[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return [];
    }
    return names.flatMap(name => {
      const id = name.startsWith(LABEL_PREFIX) && name.endsWith('.plist') ? name.slice(LABEL_PREFIX.length, -6) : '';
      return runIdSchema.safeParse(id).data ?? [];
    });
  }

  #plist(runId: RunId): string {
    return join(this.#folder, `${label(runId)}.plist`);
  }

  #writePlist(runId: RunId, domain: string): string {
    const path = this.#plist(runId);
    const log = this.#logs.path(runId);
    const text = plistXml({
      Label: label(runId),
      ProgramArguments: [...this.#program.argv, 'run', runId],
      RunAtLoad: true,
      // no KeepAlive: an agent starts a runner that died, and knows when to stop doing so
      LaunchOnlyOnce: true,
      // an activation outlives a runner that dies in the middle of it
      AbandonProcessGroup: true,
      EnvironmentVariables: this.#program.environment,
      StandardOutPath: log,
      StandardErrorPath: log,
      WorkingDirectory: '/',
      // a user's domain without a login at the screen takes background jobs only
      ...(domain.startsWith('user/') && { LimitLoadToSessionType: 'Background' }),
    });
    try {
      // proxies in the environment have passwords, and launchd refuses what others may write
      writeFileAtomically(path, text, 0o600);
    } catch (error) {
      throw new LaunchError(`${path} cannot be written: ${(error as Error).message}`);
    }
    return path;
  }
}

function label(runId: RunId): string {
  return `${LABEL_PREFIX}${runId}`;
}
