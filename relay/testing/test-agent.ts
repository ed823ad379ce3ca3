import {
  encodeFrame,
  PROTOCOL,
  type AgentInfo,
  type AgentMessage,
  type Position,
  type RunId,
  type StreamName,
  type ToAgentMessage,
} from '../../protocol/index.ts';
import type { HostRun } from './host-run.ts';
import { Peer, type PeerOptions } from './peer.ts';

export const AGENT: AgentInfo = {
  instance: 'one',
  bootId: 'boot-1',
  version: '1.0.0',
  rev: 'a'.repeat(40),
  platform: 'nixos',
  system: 'x86_64-linux',
  attribute: 'nixosConfigurations."web"',
  launcher: 'systemd',
};

/** An agent for tests. It resumes the runs that it was given, and says nothing else by itself. */
export class TestAgent extends Peer<AgentMessage, ToAgentMessage> {
  readonly runs = new Map<RunId, HostRun>();
  readonly #sent = new Map<string, Position>();
  readonly #frameSize: number;

  private constructor(options: PeerOptions & { readonly frameSize?: number }) {
    super('/v1/agent', options);
    this.#frameSize = options.frameSize ?? 64 * 1024;
    this.onHeard = message => this.#onHeard(message);
  }

  static open(options: PeerOptions & { readonly frameSize?: number }): TestAgent {
    return new TestAgent(options);
  }

  /** Connects, and says hello for a host with these runs on its disk. */
  static async hello(
    options: PeerOptions & {
      readonly host: string;
      readonly runs?: readonly HostRun[];
      readonly info?: Partial<AgentInfo>;
      readonly frameSize?: number;
    },
  ): Promise<TestAgent> {
    const agent = new TestAgent(options);
    for (const run of options.runs ?? []) agent.runs.set(run.runId, run);
    await agent.status();
    agent.say({ type: 'hello', protocol: PROTOCOL, host: options.host, agent: { ...AGENT, ...options.info } });
    await agent.hear('welcome');
    agent.say({ type: 'runs', runs: [...agent.runs.values()].map(run => run.listed()) });
    return agent;
  }

  /** Begins a run that it was asked for, or another. */
  begin(run: HostRun): void {
    this.runs.set(run.runId, run);
    this.say({ type: 'request-result', runId: run.runId, accepted: true });
    this.say({ type: 'runs', runs: [run.listed()] });
  }

  /** Sends what the relay asked for and has not been sent. */
  sendMore(run: HostRun): void {
    const afterSeq = this.#sent.get(`${run.runId} events`)?.offset;
    if (afterSeq === undefined) return;
    const events = run.events.slice(afterSeq);
    for (let i = 0; i < events.length; i += 200) {
      this.say({ type: 'events', runId: run.runId, events: events.slice(i, i + 200) });
    }
    this.#sent.set(`${run.runId} events`, { epoch: 0, offset: run.events.length });
    for (const stream of ['output', 'lock-before', 'lock-after'] as const) this.#sendStream(run, stream);
  }

  #sendStream(run: HostRun, stream: StreamName): void {
    const key = `${run.runId} ${stream}`;
    const sent = this.#sent.get(key);
    if (!sent) return;
    let at = run.from(sent, stream);
    for (;;) {
      const frame = run.frameAt(at, stream, this.#frameSize);
      if (frame.bytes.length > 0 || frame.end) this.sayRaw(encodeFrame(frame));
      at = { epoch: at.epoch, offset: at.offset + frame.bytes.length };
      if (frame.end) {
        this.#sent.delete(key);
        return;
      }
      if (frame.bytes.length === 0) break;
    }
    this.#sent.set(key, at);
  }

  #onHeard(message: ToAgentMessage): void {
    if (message.type === 'resume') {
      this.#sent.set(`${message.runId} events`, { epoch: 0, offset: message.afterSeq });
      for (const [stream, position] of Object.entries(message.streams)) {
        this.#sent.set(`${message.runId} ${stream}`, position);
      }
      this.#more(message.runId);
    } else if (message.type === 'rewind') {
      this.#sent.set(`${message.runId} ${message.stream}`, message.to);
      this.#more(message.runId);
    }
  }

  #more(runId: RunId): void {
    const run = this.runs.get(runId);
    if (run) this.sendMore(run);
  }
}
