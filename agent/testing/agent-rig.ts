/** An agent's service in this process, with a relay, a state folder and runners that only write. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pino, type Logger } from 'pino';
import { ulid } from 'ulid';
import {
  runIdSchema,
  sealRequest,
  type RequestEnvelope,
  type RunId,
  type UpdateRequest,
} from '../../protocol/index.ts';
import { agentConfigSchema, type AgentConfig } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { runnerProgram } from '../launcher/program.ts';
import { SetsidLauncher } from '../launcher/setsid.ts';
import { DEFAULT_TIMINGS, type LinkTimings } from '../link/state.ts';
import { runPaths, type RunPaths } from '../run-directory/layout.ts';
import { readLiveRunner } from '../run-directory/runner-file.ts';
import { serve } from '../serve/serve.ts';
import { FakeRelay, type FakeRelayOptions } from './fake-relay.ts';
import type { FakePlan } from './fake-runner.ts';
import { TemporaryFolder, until } from './temporary.ts';

/** Impatient, so that tests are not. */
export const QUICK: LinkTimings = {
  ...DEFAULT_TIMINGS,
  backoff: { base: 50, cap: 200, floor: 5 },
  connect: 2000,
  greeting: 500,
  ping: 100,
  silence: 400,
};

const FAKE_RUNNER = fileURLToPath(new URL('fake-runner.ts', import.meta.url));

export interface RigOptions {
  readonly relay?: FakeRelayOptions;
  readonly plan?: FakePlan;
  readonly config?: Partial<AgentConfig>;
  readonly launcher?: (rig: AgentRig) => Launcher;
  readonly timings?: Partial<LinkTimings>;
}

export class AgentRig implements AsyncDisposable {
  readonly folder = new TemporaryFolder();
  readonly config: AgentConfig;
  readonly log: string[] = [];
  readonly launcher: Launcher;
  relay: FakeRelay;
  readonly #timings: LinkTimings;
  #stop = new AbortController();
  #served: Promise<void> = Promise.resolve();

  private constructor(relay: FakeRelay, options: RigOptions) {
    this.relay = relay;
    this.config = agentConfigSchema.parse({
      host: 'web',
      relayUrl: relay.url,
      tokenFile: this.folder.join('token'),
      stateDir: this.folder.join('state'),
      nixcfgPath: this.folder.join('nixcfg'),
      platform: 'local',
      system: { current: this.folder.join('current'), profile: this.folder.join('profile') },
      ...options.config,
    });
    this.#timings = { ...QUICK, ...options.timings };
    writeFileSync(this.folder.join('token'), relay.options.token ?? 'token');
    writeFileSync(this.folder.join('config.json'), JSON.stringify(this.config));
    this.plan(options.plan ?? { steps: [] });
    this.launcher = options.launcher?.(this) ?? this.setsid();
  }

  static async start(options: RigOptions = {}): Promise<AgentRig> {
    const rig = new AgentRig(await FakeRelay.start(options.relay), options);
    rig.serve();
    return rig;
  }

  /** As `start`, without the service. */
  static async prepare(options: RigOptions = {}): Promise<AgentRig> {
    return new AgentRig(await FakeRelay.start(options.relay), options);
  }

  setsid(): SetsidLauncher {
    const environment = { ...process.env, NIXFLEET_FAKE_PLAN: this.folder.join('plan.json') };
    return new SetsidLauncher(
      runnerProgram([process.execPath, FAKE_RUNNER], this.folder.join('config.json'), environment),
      this.config.stateDir,
    );
  }

  /** What runners do from now on. */
  plan(plan: FakePlan): void {
    writeFileSync(this.folder.join('plan.json'), JSON.stringify(plan));
  }

  serve(): void {
    this.#stop = new AbortController();
    const identity: AgentIdentity = { version: '0.1.0', rev: 'test', protocol: 1, program: [] };
    this.#served = serve({
      config: this.config,
      identity,
      launcher: this.launcher,
      log: this.#logger(),
      signal: this.#stop.signal,
      timings: this.#timings,
    });
  }

  /** Ends the service in order; runners go on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#served;
  }

  paths(runId: RunId): RunPaths {
    return runPaths(this.config.stateDir, runId);
  }

  /** A file that a plan may wait for. */
  signalFile(name: string): string {
    return this.folder.join(name);
  }

  /** Makes a file that a plan waits for. */
  signal(name: string): void {
    writeFileSync(this.folder.join(name), '');
  }

  logged(pattern: RegExp): string | undefined {
    return this.log.find(line => pattern.test(line));
  }

  request(more: Partial<UpdateRequest> = {}): RequestEnvelope {
    const now = Date.now();
    return sealRequest({
      format: 1,
      verb: 'update-agent',
      runId: newRunId(),
      host: 'web',
      requestedAt: now,
      expiresAt: now + 60_000,
      ...more,
    });
  }

  /** Asks through the relay and waits for the answer. */
  async ask(envelope: RequestEnvelope = this.request()): Promise<{ runId: RunId; accepted: boolean; kind?: string }> {
    await this.relay.message('runs');
    const before = this.relay.messages.length;
    this.relay.say({ type: 'update-agent', ...envelope });
    const { runId } = envelope;
    const answer = await this.relay.until('an answer', () =>
      this.relay.messages.slice(before).find(message => message.type === 'request-result' && message.runId === runId),
    );
    if (answer.type !== 'request-result') throw new Error('not an answer');
    return { runId, accepted: answer.accepted, ...(answer.reason && { kind: answer.reason.kind }) };
  }

  /** Everything of a run has reached the relay. */
  async arrived(runId: RunId): Promise<void> {
    await this.relay.until(`the end of run ${runId}`, () => this.relay.isComplete(runId), 15_000);
  }

  async runnerPid(runId: RunId): Promise<number> {
    return until('a runner at work', () => readLiveRunner(this.paths(runId).runner)?.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.relay[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }

  #logger(): Logger {
    return pino(
      { level: 'debug' },
      {
        write: (line: string) => {
          this.log.push((JSON.parse(line) as { msg: string }).msg);
        },
      },
    );
  }
}

export function newRunId(): RunId {
  return runIdSchema.parse(ulid());
}
