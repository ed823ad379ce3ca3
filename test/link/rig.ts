/**
 * Relay and agent as processes of their own, which can be killed, with a runner that only writes (agent/testing): what
 * lies between a run directory and an operator, without a host.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { FakePlan } from '../../agent/testing/fake-runner.ts';
import type { RunId } from '../../protocol/index.ts';
import { Operator } from '../support/operator.ts';

const ROOT = join(import.meta.dirname, '../..');
const RELAY = join(ROOT, 'relay/main.ts');
const AGENT = join(ROOT, 'agent/main.ts');
const FAKE_RUNNER = join(ROOT, 'agent/testing/fake-runner.ts');

export interface LinkRigOptions {
  /** Something between agent and relay: given the relay's URL it says to which one the agent connects. */
  readonly between?: (relayUrl: string) => Promise<string>;
  /** The program that is the agent; the real one without it. */
  readonly agent?: string;
}

export class LinkRig implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'nixfleet-link-test-'));
  readonly #children = new Map<'relay' | 'agent', ChildProcess>();
  #address = '127.0.0.1:0';
  #agentUrl: string | undefined;
  readonly #agent: string;

  private constructor(agent: string) {
    this.#agent = agent;
  }

  /** Starts a relay, enrols the host `web`, and starts its agent. */
  static async start({ between, agent = AGENT }: LinkRigOptions = {}): Promise<LinkRig> {
    const rig = new LinkRig(agent);
    mkdirSync(rig.join('package/bin'), { recursive: true });
    mkdirSync(rig.join('package/share/nixfleet'), { recursive: true });
    const identity = { format: 1, storePath: rig.join('package'), version: '0.1.0', rev: 'test', protocol: 1 };
    writeFileSync(rig.join('package/share/nixfleet/agent.json'), JSON.stringify(identity));
    writeFileSync(rig.join('package/bin/nixfleet-agent'), `#!/bin/sh\nexec ${process.execPath} ${FAKE_RUNNER} "$@"\n`);
    chmodSync(rig.join('package/bin/nixfleet-agent'), 0o755);
    rig.plan({ steps: [] });
    await rig.startRelay();
    await rig.enroll();
    rig.#agentUrl = await between?.(rig.url);
    await rig.startAgent();
    return rig;
  }

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  get url(): string {
    return `ws://${this.#address}`;
  }

  /** What runners do from now on. */
  plan(plan: FakePlan): void {
    writeFileSync(this.join('plan.json'), JSON.stringify(plan));
  }

  /** Makes a file that a plan waits for. */
  signal(name: string): void {
    writeFileSync(this.join(name), '');
  }

  /** A file of a run's directory. */
  runFile(runId: RunId, name: string): Buffer {
    return readFileSync(this.join('state/runs', runId, name));
  }

  get agentLog(): string {
    return readFileSync(this.join('agent.log'), 'utf8');
  }

  async startRelay(): Promise<void> {
    const log = openSync(this.join('relay.log'), 'a');
    const args = [RELAY, 'serve', '--data', this.join('relay'), '--listen', this.#address];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    this.#children.set('relay', child);
    if (!child.stdout) throw new Error('the relay has no output');
    const listening = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the relay ended: ${readFileSync(this.join('relay.log'), 'utf8').slice(-2000)}`);
    });
    ended.catch(() => undefined);
    const [line] = await Promise.race([listening, ended]);
    const { addresses } = JSON.parse(line) as { addresses: [string] };
    this.#address = addresses[0].replace('ws://', '');
  }

  /** Lets the host in, with a token of its own. */
  async enroll(): Promise<void> {
    writeFileSync(this.join('token'), await this.relayVerb('enroll', 'web', '--token-only'), { mode: 0o600 });
  }

  async relayVerb(...args: string[]): Promise<string> {
    const { stdout } = await execa(process.execPath, [RELAY, ...args, '--data', this.join('relay')], {
      stdin: 'ignore',
    });
    return stdout;
  }

  async operator(name = 'ana'): Promise<Operator> {
    const token = await this.relayVerb('operator', name, '--token-only');
    const operator = await Operator.connect({ url: this.url, token });
    await operator.waitFor('the agent', () => operator.hosts.get('web')?.online);
    return operator;
  }

  startAgent(): Promise<void> {
    const config = {
      host: 'web',
      relayUrl: this.#agentUrl ?? this.url,
      tokenFile: this.join('token'),
      stateDir: this.join('state'),
      nixcfgPath: this.join('nixcfg'),
      platform: 'local',
      launcher: 'setsid',
      system: { current: this.join('current'), profile: this.join('profile') },
    };
    writeFileSync(this.join('config.json'), JSON.stringify(config));
    const log = openSync(this.join('agent.log'), 'a');
    const child = spawn(process.execPath, [this.#agent, 'serve', '--config', this.join('config.json')], {
      stdio: ['ignore', 'ignore', log],
      env: {
        ...process.env,
        NIXFLEET_AGENT_MANIFEST: this.join('package/share/nixfleet/agent.json'),
        NIXFLEET_FAKE_PLAN: this.join('plan.json'),
      },
    });
    closeSync(log);
    this.#children.set('agent', child);
    return Promise.resolve();
  }

  pid(which: 'relay' | 'agent'): number {
    return this.#children.get(which)?.pid ?? NaN;
  }

  /** Ends a process, without asking it unless told otherwise, and waits until it is gone. Returns its exit code. */
  async kill(which: 'relay' | 'agent', signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const child = this.#children.get(which);
    if (!child) return null;
    this.#children.delete(which);
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  }

  /** Resident memory of a process in bytes. */
  memory(which: 'relay' | 'agent'): number {
    const status = readFileSync(`/proc/${this.pid(which)}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('agent', 'SIGTERM');
    await this.kill('relay', 'SIGTERM');
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
