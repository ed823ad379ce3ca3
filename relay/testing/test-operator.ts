import { ulid } from 'ulid';
import {
  decodeFrame,
  planChunk,
  PROTOCOL,
  rolloutIdSchema,
  ROLLOUTS,
  runIdSchema,
  sealRequest,
  START,
  type AnyRunEvent,
  type FleetHost,
  type OperatorMessage,
  type Position,
  type RequestEnvelope,
  type Rollout,
  type RolloutAsk,
  type RolloutId,
  type RunId,
  type StreamName,
  type ToOperatorMessage,
  type UpdateRequest,
} from '../../protocol/index.ts';
import { Peer, type PeerOptions } from './peer.ts';
import { until } from './wait.ts';

type Reply = Extract<ToOperatorMessage, { type: 'reply' }>;
type Question = OperatorMessage extends infer M ? (M extends { id: number } ? Omit<M, 'id'> : never) : never;

/** What a viewer keeps of a stream. */
export interface Copy {
  bytes: Buffer[];
  at: Position;
  ended: boolean;
  gone: boolean;
  frames: number;
  /** Frames of which it had all bytes. */
  duplicates: number;
}

/** An operator for tests, who keeps what it is sent as an editor does and throws at gaps. */
export class TestOperator extends Peer<OperatorMessage, ToOperatorMessage> {
  readonly hosts = new Map<string, FleetHost>();
  readonly events = new Map<RunId, AnyRunEvent[]>();
  readonly rollouts = new Map<RolloutId, Rollout>();
  readonly copies = new Map<string, Copy>();
  fleetComplete = false;
  readonly faults: string[] = [];
  #nextId = 1;

  private constructor(options: PeerOptions) {
    super('/v1/operator', options);
    this.onFrame = data => this.#takeFrame(data);
    this.onHeard = message => this.#take(message);
  }

  static open(options: PeerOptions): TestOperator {
    return new TestOperator(options);
  }

  /** Connects, says hello and waits for the fleet. */
  static async hello(options: PeerOptions): Promise<TestOperator> {
    const operator = new TestOperator(options);
    await operator.status();
    const features = [ROLLOUTS];
    operator.say({ type: 'hello', protocol: PROTOCOL, client: { name: 'test', version: '1' }, features });
    await until('the fleet', () => operator.fleetComplete);
    return operator;
  }

  async ask(question: Question): Promise<Reply> {
    const id = this.#nextId++;
    this.say({ ...question, id });
    return this.hear('reply', reply => reply.id === id);
  }

  async update(host: string, runId: RunId, more: Partial<UpdateRequest> = {}): Promise<Reply> {
    return this.ask({ type: 'update-agent', ...requestFor(host, runId, more) });
  }

  /** Asks for a rollout over hosts, whose requests are made now. */
  async rollOut(hosts: readonly string[], more: Partial<RolloutAsk> = {}): Promise<Reply> {
    return this.ask({ type: 'start-rollout', ...rolloutFor(hosts, more) });
  }

  /** Follows a run from where its copies are. */
  async watch(runId: RunId, streams: readonly StreamName[] = ['output']): Promise<Reply> {
    const positions = Object.fromEntries(streams.map(stream => [stream, this.copy(runId, stream).at]));
    const afterSeq = this.events.get(runId)?.length ?? 0;
    return this.ask({ type: 'subscribe', runId, afterSeq, streams: positions });
  }

  copy(runId: RunId, stream: StreamName = 'output'): Copy {
    const key = `${runId} ${stream}`;
    let copy = this.copies.get(key);
    if (!copy) {
      copy = { bytes: [], at: START, ended: false, gone: false, frames: 0, duplicates: 0 };
      this.copies.set(key, copy);
    }
    return copy;
  }

  bytes(runId: RunId, stream: StreamName = 'output'): Buffer {
    return Buffer.concat(this.copy(runId, stream).bytes);
  }

  #takeFrame(data: Buffer): void {
    const decoded = decodeFrame(data);
    if (!decoded.ok) return void this.faults.push(decoded.message);
    const { frame } = decoded;
    const copy = this.copy(frame.runId, frame.stream);
    copy.frames++;
    const plan = planChunk(copy.at, frame.at, frame.bytes.length);
    if (plan.kind === 'gap')
      return void this.faults.push(`gap at ${JSON.stringify(frame.at)}, have ${JSON.stringify(copy.at)}`);
    if (plan.kind === 'append') {
      if (plan.cutTo !== undefined) copy.bytes = [Buffer.concat(copy.bytes).subarray(0, plan.cutTo)];
      copy.bytes.push(Buffer.from(frame.bytes.subarray(plan.skip)));
      copy.at = plan.next;
    } else if (frame.bytes.length > 0) copy.duplicates++;
    if (frame.end) copy.ended = true;
  }

  #take(message: ToOperatorMessage): void {
    switch (message.type) {
      case 'fleet':
        for (const host of message.hosts) this.hosts.set(host.host, host);
        if (message.last) this.fleetComplete = true;
        break;
      case 'host':
        this.hosts.set(message.host.host, message.host);
        break;
      case 'host-removed':
        this.hosts.delete(message.host);
        break;
      case 'run': {
        const host = this.hosts.get(message.run.host);
        const others = host?.runs.filter(({ runId }) => runId !== message.run.runId);
        if (host && others) this.hosts.set(host.host, { ...host, runs: [message.run, ...others] });
        break;
      }
      case 'rollouts':
        this.rollouts.clear();
        for (const rollout of message.rollouts) this.rollouts.set(rollout.rolloutId, rollout);
        break;
      case 'rollout':
        this.rollouts.set(message.rollout.rolloutId, message.rollout);
        break;
      case 'events': {
        const events = this.events.get(message.runId) ?? [];
        this.events.set(message.runId, events);
        for (const event of message.events) {
          if (event.seq !== events.length + 1) this.faults.push(`event ${event.seq} after ${events.length}`);
          else events.push(event);
        }
        break;
      }
      case 'stream-gone':
        this.copy(message.runId, message.stream).gone = true;
        break;
      default:
    }
  }
}

/** An ask for a rollout, one host at a time and without a wait between them unless said otherwise. */
export function rolloutFor(hosts: readonly string[], more: Partial<RolloutAsk> = {}): RolloutAsk {
  return {
    rolloutId: rolloutIdSchema.parse(ulid()),
    requests: hosts.map(host => requestFor(host, runIdSchema.parse(ulid()))),
    ...{ width: 1, stagger: 0, stopAfterFailures: 3 },
    ...more,
  };
}

/** A request for an update, sealed. */
export function requestFor(host: string, runId: RunId, more: Partial<UpdateRequest> = {}): RequestEnvelope {
  const now = Date.now();
  return sealRequest({
    format: 1,
    verb: 'update-agent',
    runId,
    host,
    requestedAt: now,
    expiresAt: now + 3_600_000,
    ...more,
  });
}
