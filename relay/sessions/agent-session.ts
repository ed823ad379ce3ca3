import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import {
  agentMessageSchema,
  CloseCode,
  decodeFrame,
  decodeMessage,
  encodeFrame,
  PROTOCOL,
  START,
  type AgentMessage,
  type AnyRunEvent,
  type Position,
  type RunId,
  type RunOnHost,
  type StreamName,
  type ToAgentMessage,
} from '../../protocol/index.ts';
import type { HostCommand, TokenOwner } from '../backbone/backbone.ts';
import { runsToAdopt } from '../runs/retention.ts';
import type { Session, SessionContext } from './context.ts';
import { GapGuard } from './gap-guard.ts';
import { Link } from './link.ts';
import { openPositions, planResume } from './resume-plan.ts';

type Hello = Extract<AgentMessage, { type: 'hello' }>;

/** One connection of an agent, which speaks for one host. */
export class AgentSession implements Session {
  readonly #context: SessionContext;
  readonly #owner: TokenOwner;
  readonly #tokenHash: string;
  readonly #id = randomUUID();
  readonly #link: Link;
  readonly #gaps = new GapGuard();
  /** Whether a run that the peer speaks of is its own; undefined when there is no such run. */
  readonly #owned = new Map<RunId, Promise<boolean | undefined>>();
  #helloTimer: NodeJS.Timeout | undefined;
  #hello: Hello | undefined;
  #greeted = false;
  #listed = false;
  /** Text messages are worked off one after the other. */
  #turn: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<undefined>();

  constructor(socket: WebSocket, owner: TokenOwner, tokenHash: string, context: SessionContext) {
    this.#context = { ...context, log: context.log.child({ host: owner.name, session: this.#id.slice(0, 8) }) };
    this.#owner = owner;
    this.#tokenHash = tokenHash;
    const { metrics, timings, log } = this.#context;
    this.#link = new Link(socket, timings, {
      onMessage: (data, isBinary) => {
        metrics.bytesReceived.inc({ kind: 'agent' }, data.length);
        return isBinary ? this.#onFrame(data) : this.#inTurn(() => this.#onText(data));
      },
      onClose: (code, reason) => this.#onClose(code, reason),
      onError: (what, error) => log.warn({ err: error }, what),
      onStoreFailed: error => {
        metrics.storeErrors.inc();
        log.error({ err: error }, 'the store failed');
      },
      onSent: bytes => metrics.bytesSent.inc({ kind: 'agent' }, bytes),
    });
    this.#helloTimer = setTimeout(
      () => this.#link.fail(CloseCode.handshakeTimeout, 'no-hello', 'No hello came in time.'),
      timings.hello,
    );
  }

  get host(): string | undefined {
    return this.#greeted && this.#link.isOpen ? this.#owner.name : undefined;
  }

  get over(): Promise<unknown> {
    return this.#over.promise;
  }

  async recheckToken(): Promise<void> {
    const owner = await this.#context.backbone.tokenOwner(this.#tokenHash);
    if (owner?.kind === 'host' && owner.name === this.#owner.name) return;
    this.#link.fail(CloseCode.revoked, 'revoked', `The token of ${this.#owner.name} was revoked.`);
  }

  goodbye(): void {
    this.#link.close(CloseCode.normal, 'going-down');
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => (this.#link.isOpen ? work() : undefined));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #onText(data: Uint8Array): Promise<void> {
    const decoded = decodeMessage(
      agentMessageSchema,
      Buffer.from(data.buffer, data.byteOffset, data.length).toString(),
    );
    if (!decoded.ok) {
      if (decoded.kind === 'unknown-type' && this.#hello && this.#hello.protocol > PROTOCOL) {
        this.#context.log.info({ detail: decoded.detail }, 'ignored what only a newer relay understands');
        return;
      }
      this.#link.fail(CloseCode.badMessage, 'bad-message', decoded.detail);
      return;
    }
    const { message } = decoded;
    if ((message.type === 'hello') === this.#greeted) {
      const detail = this.#greeted ? 'hello is said once' : 'the first message is hello';
      this.#link.fail(CloseCode.badMessage, 'bad-message', detail);
      return;
    }
    await this.#onMessage(message);
  }

  async #onMessage(message: AgentMessage): Promise<void> {
    const { backbone, now } = this.#context;
    switch (message.type) {
      case 'hello':
        return this.#onHello(message);
      case 'runs':
        return this.#onRuns(message.runs);
      case 'status': {
        this.#link.track(backbone.putStatus(this.#owner.name, message.status, now()));
        return;
      }
      case 'events':
        return this.#onEvents(message.runId, message.events);
      case 'request-result': {
        if (!(await this.#isOwn(message.runId))) return;
        const reason = message.reason ?? { kind: 'refused', message: `${this.#owner.name} refused without a reason.` };
        await backbone.changeRun(
          message.runId,
          message.accepted ? { kind: 'begun' } : { kind: 'refused', at: now(), reason },
        );
        return;
      }
      case 'cancel-result':
        if (await this.#isOwn(message.runId)) {
          await backbone.answerCancel(message.runId, { accepted: message.accepted, message: message.message });
        }
    }
  }

  async #onHello(hello: Hello): Promise<void> {
    const { backbone, now, log, relayVersion } = this.#context;
    clearTimeout(this.#helloTimer);
    const host = this.#owner.name;
    if (hello.host !== host) {
      const message = `This token is that of ${host}; the hello says ${hello.host}.`;
      this.#link.fail(CloseCode.forbidden, 'other-host', message);
      return;
    }
    this.#hello = hello;
    const onCommand = (command: HostCommand) => this.#onCommand(command);
    await backbone.claimHost({ host, session: this.#id, agent: hello.agent, at: now(), onCommand });
    this.#greeted = true;
    log.info({ version: hello.agent.version, protocol: hello.protocol, boot: hello.agent.bootId }, 'agent connected');
    this.#say({ type: 'welcome', protocol: Math.min(hello.protocol, PROTOCOL), relayVersion });
    await this.#deliver('all');
  }

  /** Says what waits for the host: requests, and cancels that it has not answered. */
  async #deliver(which: 'all' | 'new'): Promise<void> {
    const { backbone, now } = this.#context;
    for (const record of await backbone.liveRuns(this.#owner.name)) {
      const { envelope, cancelAskedBy, summary } = record;
      const { runId } = summary;
      if (summary.delivery === 'queued' && envelope) {
        const change = { kind: summary.expiresAt <= now() ? 'expired' : 'sent', at: now() } as const;
        const changed = await backbone.changeRun(runId, change);
        if (changed?.summary.delivery === 'sent') this.#say({ ...envelope, type: 'update-agent' });
      } else if (which === 'all' && cancelAskedBy !== undefined) {
        this.#say({ type: 'cancel', runId, by: cancelAskedBy });
      } else if (which === 'all' && summary.delivery === 'sent' && envelope && summary.expiresAt > now()) {
        this.#say({ ...envelope, type: 'update-agent' });
      }
    }
  }

  #onCommand(command: HostCommand): void {
    switch (command.kind) {
      case 'deliver': {
        this.#link.track(this.#inTurn(() => this.#deliver('new')));
        return;
      }
      case 'cancel': {
        this.#say({ type: 'cancel', runId: command.runId, by: command.by });
        return;
      }
      case 'refresh': {
        this.#say({ type: 'refresh' });
        return;
      }
      case 'replaced': {
        this.#link.fail(CloseCode.replaced, 'replaced', `${this.#owner.name} connected again.`);
        return;
      }
    }
  }

  async #onRuns(runs: readonly RunOnHost[]): Promise<void> {
    if (!this.#listed) {
      this.#listed = true;
      await this.#dropAbsent(new Set(runs.map(({ runId }) => runId)));
    }
    const adopted = new Set(await this.#toAdopt(runs));
    for (const listed of runs) {
      if (adopted.has(listed.runId)) {
        await this.#context.backbone.adoptRun(listed.runId, this.#owner.name);
        this.#owned.delete(listed.runId);
      }
      await this.#resume(listed);
    }
  }

  /** The host says all that it has, once. What it was told of and does not have, it has not begun, or lost. */
  async #dropAbsent(listed: ReadonlySet<RunId>): Promise<void> {
    const { backbone, now } = this.#context;
    for (const { summary } of await backbone.liveRuns(this.#owner.name)) {
      if (!listed.has(summary.runId)) await backbone.changeRun(summary.runId, { kind: 'absent', at: now() });
    }
  }

  async #toAdopt(runs: readonly RunOnHost[]): Promise<readonly RunId[]> {
    const { backbone, now } = this.#context;
    const unknown: RunOnHost[] = [];
    for (const run of runs) if (!(await backbone.run(run.runId))) unknown.push(run);
    if (unknown.length === 0) return [];
    const known = await backbone.runs({ host: this.#owner.name, limit: 1000 });
    const ended = unknown.filter(run => run.ended).map(({ runId }) => runId);
    const live = unknown.filter(run => !run.ended).map(({ runId }) => runId);
    const knownIds = known.map(({ runId }) => runId);
    return [...live, ...runsToAdopt([...knownIds, ...live], ended, now())];
  }

  async #resume(listed: RunOnHost): Promise<void> {
    const { backbone, log, now } = this.#context;
    const { runId } = listed;
    const record = await backbone.run(runId);
    if (!record) return;
    if (record.summary.host !== this.#owner.name) {
      // a host that was enrolled under another name before still has its old runs
      log.warn(
        { run: runId, of: record.summary.host },
        'the host has a run that was for another host; it is left alone',
      );
      return;
    }
    await backbone.changeRun(runId, { kind: 'begun' });
    const { seq } = record.summary;
    if (listed.seq < seq)
      log.warn({ run: runId, host: listed.seq, relay: seq }, 'the host has fewer events than it had');
    const plan = planResume(listed, { seq, streams: await backbone.streams(runId) });
    for (const stream of plan.absent) {
      const frame = { runId, stream, at: START, time: now(), end: true, bytes: new Uint8Array() };
      await backbone.appendFrame(frame, encodeFrame(frame));
    }
    if (plan.resume) this.#say({ type: 'resume', runId, ...plan.resume });
  }

  async #onEvents(runId: RunId, events: readonly AnyRunEvent[]): Promise<void> {
    if (!(await this.#isOwn(runId))) return;
    this.#context.metrics.eventsStored.inc(events.length);
    // the next message need not wait for the disk: changes are made in order anyway
    this.#link.track(this.#storeEvents(runId, events));
  }

  async #storeEvents(runId: RunId, events: readonly AnyRunEvent[]): Promise<void> {
    const { backbone, log } = this.#context;
    const result = await backbone.appendEvents(runId, events);
    if (result.kind === 'unknown-run') return;
    this.#say({ type: 'events-ack', runId, seq: result.seq });
    if (result.kind === 'gap' && this.#gaps.shouldAsk(`events ${runId}`, String(result.seq), performance.now())) {
      log.warn({ run: runId, have: result.seq, came: events[0]?.seq }, 'events are missing; asking again');
      const streams = openPositions(await backbone.streams(runId));
      this.#say({ type: 'resume', runId, afterSeq: result.seq, streams });
    }
  }

  async #onFrame(data: Uint8Array): Promise<void> {
    const decoded = decodeFrame(data);
    if (!decoded.ok || !this.#greeted) {
      this.#link.fail(CloseCode.badMessage, 'bad-frame', decoded.ok ? 'the first message is hello' : decoded.message);
      return;
    }
    const { frame } = decoded;
    if (!(await this.#isOwn(frame.runId))) return;
    const { backbone, metrics } = this.#context;
    const result = await backbone.appendFrame(frame, data);
    metrics.framesReceived.inc({ result: result.kind });
    if (result.kind === 'gap') this.#rewind(frame.runId, frame.stream, result.have);
  }

  #rewind(runId: RunId, stream: StreamName, to: Position): void {
    const have = `${to.epoch}:${to.offset}`;
    if (!this.#gaps.shouldAsk(`${stream} ${runId}`, have, performance.now())) return;
    this.#context.log.info({ run: runId, stream, have: to }, 'output is missing; asking again');
    this.#say({ type: 'rewind', runId, stream, to });
  }

  /**
   * Whether a run belongs to this host. Who speaks for the run of another is disconnected. A run that is not known (any
   * more) is nobody's, and what is said of it is dropped.
   */
  async #isOwn(runId: RunId): Promise<boolean> {
    let own = this.#owned.get(runId);
    if (!own) {
      own = this.#context.backbone
        .run(runId)
        .then(record => (record ? record.summary.host === this.#owner.name : undefined));
      this.#owned.set(runId, own);
    }
    const answer = await own;
    if (answer === false) {
      this.#context.log.warn({ run: runId }, 'the host spoke for the run of another host');
      this.#link.fail(CloseCode.forbidden, 'other-run', `Run ${runId} is not one of ${this.#owner.name}.`);
    } else if (answer === undefined) this.#owned.delete(runId);
    return answer === true && this.#link.isOpen;
  }

  #say(message: ToAgentMessage): void {
    this.#link.sendText(JSON.stringify(message));
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#helloTimer);
    const { backbone, metrics, log, now } = this.#context;
    metrics.closes.inc({ kind: 'agent', code });
    log.info({ code, reason }, 'agent disconnected');
    // behind a claim that may still be under way
    void this.#link
      .settled()
      .then(() => backbone.releaseHost(this.#owner.name, this.#id, now()))
      .catch((error: unknown) => log.error({ err: error }, 'cannot write down that the host is gone'))
      .finally(() => this.#over.resolve(undefined));
  }
}
