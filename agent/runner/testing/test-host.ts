/**
 * A host for the runner's tests, in one temporary folder: real git with a remote of its own, and stand-ins for nix, the
 * activation and the agent. Nothing outside the folder is touched.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import {
  knownEvent,
  sealRequest,
  type AnyRunEvent,
  type RunEvent,
  type RunId,
  type UpdateRequest,
} from '../../../protocol/index.ts';
import { agentConfigSchema, type AgentConfig } from '../../config.ts';
import { listRuns, readEvents } from '../../run-directory/run-list.ts';
import { inboxPaths, runPaths } from '../../run-directory/layout.ts';
import { bootId } from '../../process.ts';
import { endGroup, processesMarked } from '../process-group.ts';
import { runRun } from '../run.ts';
import { RUN_MARK } from '../step-runner.ts';

export type Ended = Extract<RunEvent, { type: 'ended' }>;

const here = import.meta.dirname;

/** What goes wrong on purpose; see the stand-ins. */
export interface FaultPlan {
  readonly version?: string;
  readonly newest?: string;
  readonly update?: { stderr?: string[]; exit?: number; stale?: boolean; garbage?: boolean; hang?: boolean };
  readonly build?: { lines?: number; errors?: string[]; exit?: number; hang?: boolean };
  readonly agent?: 'none' | 'crash' | 'silent' | 'shy';
  readonly activation?: {
    /** Where it ends: `check` before anything is touched, `stopping` before the new generation runs. */
    at?: 'check' | 'stopping';
    exit?: number;
    stderr?: string[];
    /** A file that it lets grow until the disk is full, before all else. */
    fills?: string;
    /** Lines that it writes then. */
    lines?: number;
    hang?: boolean;
  };
  readonly commit?: 'fail' | 'hang';
  /** What `nix store diff-closures` prints; without it there is no such command. */
  readonly packages?: string;
}

/** Notes what is to be on the disk, and the last word of the journal by then. */
const SYNC = `#!/bin/sh
last=$(cat HOME/state/runs/*/journal.ndjson 2>/dev/null | tail -n 1 | sed 's/.*"type":"\\([a-z-]*\\)".*/\\1/')
echo "$(pwd) $* after $last" >> HOME/syncs
`;

/** Everything that a failed run must leave as it was. */
export interface HostState {
  readonly head: string;
  readonly branch: string;
  readonly status: string;
  readonly lock: string | undefined;
  readonly running: string | undefined;
  readonly profile: string | undefined;
  readonly agent: string | undefined;
}

export class TestHost {
  readonly home: string;
  readonly checkout: string;
  readonly remote: string;
  readonly #author: string;
  #config: Record<string, unknown>;
  #plan: FaultPlan = {};
  #saved:
    { readonly config: Record<string, unknown>; readonly plan: FaultPlan; readonly runs: readonly RunId[] } | undefined;

  constructor() {
    this.home = realpathSync(mkdtempSync(join(tmpdir(), 'nixfleet-host-')));
    this.checkout = join(this.home, 'nixcfg');
    this.remote = join(this.home, 'nixcfg.git');
    this.#author = join(this.home, 'author');
    for (const folder of ['state/inbox', 'state/agent', 'store', 'bin', 'home'])
      mkdirSync(join(this.home, folder), { recursive: true });
    for (const name of ['nix', 'nix-env', 'nix-store']) {
      const path = join(this.home, 'bin', name);
      writeFileSync(
        path,
        `#!/bin/sh\nexec ${process.execPath} ${join(here, 'fake-nix.mjs')} ${name} ${this.home} "$@"\n`,
      );
      chmodSync(path, 0o755);
    }
    const sync = join(this.home, 'bin/sync');
    writeFileSync(sync, SYNC.replaceAll('HOME', this.home));
    chmodSync(sync, 0o755);
    copyFileSync(join(here, 'fake-switch.mjs'), join(this.home, 'switch.mjs'));
    copyFileSync(join(here, 'fake-agent.mjs'), join(this.home, 'agent.mjs'));
    writeFileSync(join(this.home, 'process-module'), join(here, '../../process.ts'));
    this.#git(this.home, 'init', '--quiet', '--bare', '-b', 'main', this.remote);
    this.#git(this.home, 'clone', '--quiet', this.remote, this.#author);
    this.push({ 'flake.nix': '{ }\n', 'hosts.nix': '{ }\n' }, 'first');
    this.#git(this.home, 'clone', '--quiet', this.remote, this.checkout);
    this.#config = {
      host: 'web',
      // nobody listens there
      relayUrl: 'ws://127.0.0.1:9',
      tokenFile: join(this.home, 'token'),
      stateDir: join(this.home, 'state'),
      nixcfgPath: this.checkout,
      attribute: 'web',
      platform: 'local',
      system: { current: join(this.home, 'current-system'), profile: join(this.home, 'system') },
      deadlines: { settling: 50, confirming: 20_000 },
    };
    this.plan({});
  }

  get config(): AgentConfig {
    return agentConfigSchema.parse(this.#config);
  }

  configure(more: Record<string, unknown>): void {
    this.#config = { ...this.#config, ...more };
  }

  /** Sets what goes wrong, and the newest revision of the input. */
  plan(plan: FaultPlan): void {
    this.#plan = { newest: this.#plan.newest ?? revision('a'), ...plan };
    writeFileSync(join(this.home, 'plan.json'), JSON.stringify(this.#plan));
  }

  /** A new revision of the input that carries the agent. */
  release(name: string): string {
    const newest = revision(name);
    this.plan({ ...this.#plan, newest });
    return newest;
  }

  /** Commits files and pushes them to the remote. */
  push(files: Readonly<Record<string, string>>, subject: string): string {
    if (existsSync(join(this.#author, '.git', 'HEAD')) && this.#hasCommits())
      this.#git(this.#author, 'pull', '--quiet');
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.#author, name)), { recursive: true });
      writeFileSync(join(this.#author, name), content);
    }
    this.#git(this.#author, 'add', '--all');
    this.#git(this.#author, 'commit', '--quiet', '--allow-empty', '-m', subject);
    this.#git(this.#author, 'push', '--quiet', 'origin', 'HEAD:main');
    return this.#git(this.#author, 'rev-parse', 'HEAD').trim();
  }

  /** Runs git in the checkout, as its owner would. */
  git(...args: string[]): string {
    return this.#git(this.checkout, ...args);
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.checkout, name), content);
  }

  /** Puts a request into the inbox. */
  ask(more: Partial<UpdateRequest> = {}): RunId {
    const runId = (more.runId ?? ulid()) as RunId;
    const now = Date.now();
    const request: UpdateRequest = {
      format: 1,
      verb: 'update-agent',
      runId,
      host: 'web',
      requestedAt: now,
      expiresAt: now + 3_600_000,
      ...more,
    };
    const entry = { format: 1, envelope: sealRequest(request), broughtBy: 'ws://relay', receivedAt: now };
    writeFileSync(inboxPaths(this.config.stateDir, runId).request, JSON.stringify(entry));
    return runId;
  }

  /** Runs the runner in this process, with the stand-ins on its path. */
  async run(runId: RunId, signal?: AbortSignal): Promise<number> {
    const { PATH, HOME } = process.env;
    process.env['PATH'] = `${join(this.home, 'bin')}:${PATH ?? ''}`;
    process.env['HOME'] = join(this.home, 'home');
    try {
      return await runRun({ config: this.config, runId, ...(signal && { signal }) });
    } finally {
      process.env['PATH'] = PATH;
      process.env['HOME'] = HOME;
    }
  }

  /** Starts the runner as a process of its own. */
  start(runId: RunId): ChildProcess {
    const configFile = join(this.home, 'config.json');
    writeFileSync(configFile, JSON.stringify(this.#config));
    const { PATH } = process.env;
    return spawn(process.execPath, [join(here, 'run-once.ts'), configFile, runId], {
      env: { ...process.env, PATH: `${join(this.home, 'bin')}:${PATH ?? ''}`, HOME: join(this.home, 'home') },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** Starts the runner and ends it with SIGKILL as soon as its journal or output is so far. */
  async killWhen(runId: RunId, isSoFar: (events: readonly AnyRunEvent[], output: string) => boolean): Promise<void> {
    const runner = this.start(runId);
    const dead = once(runner, 'exit');
    const deadline = Date.now() + 50_000;
    const output = (): string => (existsSync(runPaths(this.config.stateDir, runId).output) ? this.output(runId) : '');
    while (!isSoFar(readEvents(this.config.stateDir, runId), output())) {
      if (runner.exitCode !== null || Date.now() > deadline) throw new Error(`it did not come so far:\n${output()}`);
      await delay(5);
    }
    runner.kill('SIGKILL');
    await dead;
  }

  /** What a power loss of the host and the next boot make of a run: children are gone, and the boot is another. */
  async losePower(runId: RunId): Promise<void> {
    for (const pid of processesMarked(RUN_MARK, runId)) await endGroup(pid, 0);
    const paths = runPaths(this.config.stateDir, runId);
    for (const path of [paths.journal, paths.runner])
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(bootId(), 'an-earlier-boot'));
    if (!existsSync(join(this.home, 'system'))) return;
    rmSync(join(this.home, 'current-system'), { force: true });
    const booted = realpathSync(join(this.home, 'system'));
    symlinkSync(booted, join(this.home, 'current-system'));
    // its agent starts by itself
    execFileSync(join(booted, 'bin/switch-to-configuration'), ['test'], { stdio: 'ignore' });
  }

  /** Asks for an update, runs it, and says how it ended. */
  async update(more: Partial<UpdateRequest> = {}): Promise<Ended> {
    const runId = this.ask(more);
    await this.run(runId);
    return this.end(runId);
  }

  /** How a run ended. */
  end(runId: RunId): Ended {
    const last = this.events(runId).at(-1);
    const end = last && knownEvent(last);
    if (end?.type !== 'ended') throw new Error(`the run did not end: ${JSON.stringify(last)}\n${this.output(runId)}`);
    return end;
  }

  /** The journal, in which every line is of a known shape. */
  events(runId: RunId): readonly AnyRunEvent[] {
    const events = readEvents(this.config.stateDir, runId);
    const strange = events.find(event => event.type !== 'undo-decided' && !knownEvent(event));
    if (strange) throw new Error(`not a known event: ${JSON.stringify(strange)}`);
    return events;
  }

  output(runId: RunId): string {
    return readFileSync(runPaths(this.config.stateDir, runId).output, 'utf8');
  }

  /** What was brought onto the disk so far, as sync(1) was asked to, and behind which line of the journal. */
  syncs(): string[] {
    const path = join(this.home, 'syncs');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  /** The activations so far, `test` or `boot` and the toplevel. */
  activations(): string[] {
    const path = join(this.home, 'activations');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  state(): HostState {
    const lock = join(this.checkout, 'flake.lock');
    const agent = join(this.home, 'state/agent/agent.json');
    return {
      head: this.git('rev-parse', 'HEAD').trim(),
      branch: this.git('rev-parse', '--abbrev-ref', 'HEAD').trim(),
      status: this.git('status', '--porcelain'),
      lock: existsSync(lock) ? readFileSync(lock, 'utf8') : undefined,
      running: linkTarget(join(this.home, 'current-system')),
      profile: linkTarget(join(this.home, 'system')),
      agent: existsSync(agent)
        ? (JSON.parse(readFileSync(agent, 'utf8')) as { identity: { storePath: string } }).identity.storePath
        : undefined,
    };
  }

  /** Keeps checkout, configuration and plan for `restore`, so that many tests can begin from one costly state. */
  save(): void {
    this.#saved = { config: this.#config, plan: this.#plan, runs: listRuns(this.config.stateDir) };
    cpSync(this.checkout, join(this.home, 'saved'), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    });
  }

  restore(): void {
    rmSync(this.checkout, { recursive: true, force: true });
    cpSync(join(this.home, 'saved'), this.checkout, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    });
    this.#config = this.#saved?.config ?? this.#config;
    const { stateDir } = this.config;
    for (const runId of listRuns(stateDir))
      if (!this.#saved?.runs.includes(runId)) rmSync(runPaths(stateDir, runId).dir, { recursive: true });
    this.plan(this.#saved?.plan ?? {});
  }

  /** Ends the stand-in agents and removes everything. */
  remove(): void {
    const agents = join(this.home, 'agents');
    for (const pid of existsSync(agents) ? readFileSync(agents, 'utf8').trim().split('\n') : []) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // it has ended by itself
      }
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  #hasCommits(): boolean {
    try {
      this.#git(this.#author, 'rev-parse', '--verify', '-q', 'HEAD');
      return true;
    } catch {
      return false;
    }
  }

  #git(cwd: string, ...args: string[]): string {
    return execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: join(this.home, 'home'),
        GIT_AUTHOR_NAME: 'Ana',
        GIT_AUTHOR_EMAIL: 'ana@example.org',
        GIT_COMMITTER_NAME: 'Ana',
        GIT_COMMITTER_EMAIL: 'ana@example.org',
        GIT_CONFIG_NOSYSTEM: '1',
      },
    });
  }
}

/** A revision that a name stands for. */
export function revision(name: string): string {
  return createHash('sha1').update(name).digest('hex');
}

/** A revision that nothing has. */
export function unknownRevision(): string {
  return randomBytes(20).toString('hex');
}

function linkTarget(path: string): string | undefined {
  try {
    readlinkSync(path);
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
