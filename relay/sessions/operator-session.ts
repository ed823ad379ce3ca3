import type { WebSocket } from 'ws';
import {
  CloseCode,
  decodeMessage,
  isOver,
  OLDEST_OPERATOR_PROTOCOL,
  operatorMessageSchema,
  parseRequest,
  PROTOCOL,
  requestBytes,
  ROLLOUTS,
  type OperatorMessage,
  type Reason,
  type RunId,
  type RunSummary,
  type ToOperatorMessage,
} from '../../protocol/index.ts';
import { DiskFull, type CancelAnswer, type TokenOwner } from '../backbone/backbone.ts';
import { readRequests } from '../rollouts/record.ts';
import type { Session, SessionContext } from './context.ts';
import { FleetFeed } from './fleet-feed.ts';
import { Link } from './link.ts';
import { Pump } from './pump.ts';
import { Subscription } from './subscription.ts';

type Asked<T extends OperatorMessage['type']> = Extract<OperatorMessage, { type: T }>;
type Reply = Omit<Extract<ToOperatorMessage, { type: 'reply' }>, 'type' | 'id'>;

/** One connection of an operator. */
export class OperatorSession implements Session {
  readonly #context: SessionContext;
  readonly #owner: TokenOwner;
  readonly #tokenHash: string;
  readonly #link: Link;
  readonly #pump: Pump;
  readonly #subscriptions = new Map<RunId, Subscription>();
  #helloTimer: NodeJS.Timeout | undefined;
  /** What the peer speaks, once it has said hello. */
  #protocol: number | undefined;
  #fleetFeed: FleetFeed | undefined;
  #turn: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<undefined>();

  constructor(socket: WebSocket, owner: TokenOwner, tokenHash: string, context: SessionContext) {
    this.#context = { ...context, log: context.log.child({ operator: owner.name }) };
    this.#owner = owner;
    this.#tokenHash = tokenHash;
    const { metrics, timings, log } = this.#context;
    this.#link = new Link(socket, timings, {
      onMessage: (data, isBinary) => {
        metrics.bytesReceived.inc({ kind: 'operator' }, data.length);
        if (isBinary) {
          this.#link.fail(CloseCode.badMessage, 'bad-message', 'an operator sends no binary messages');
          return undefined;
        }
        const done = this.#turn.then(() => (this.#link.isOpen ? this.#onText(data) : undefined));
        this.#turn = done.catch(() => undefined);
        return done;
      },
      onClose: (code, reason) => this.#onClose(code, reason),
      onError: (what, error) => log.warn({ err: error }, what),
      onStoreFailed: error => {
        metrics.storeErrors.inc();
        log.error({ err: error }, 'the store failed');
      },
      onSent: bytes => metrics.bytesSent.inc({ kind: 'operator' }, bytes),
    });
    this.#pump = new Pump(this.#link, error => this.#link.failStore(error));
    this.#helloTimer = setTimeout(
      () => this.#link.fail(CloseCode.handshakeTimeout, 'no-hello', 'No hello came in time.'),
      timings.hello,
    );
  }

  get over(): Promise<unknown> {
    return this.#over.promise;
  }

  async recheckToken(): Promise<void> {
    const owner = await this.#context.backbone.tokenOwner(this.#tokenHash);
    if (owner?.kind === 'operator' && owner.name === this.#owner.name) return;
    this.#link.fail(CloseCode.revoked, 'revoked', `The token of ${this.#owner.name} was revoked.`);
  }

  goodbye(): void {
    this.#link.close(CloseCode.normal, 'going-down');
  }

  async #onText(data: Uint8Array): Promise<void> {
    const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString();
    const decoded = decodeMessage(operatorMessageSchema, text);
    if (!decoded.ok) {
      if (decoded.kind === 'unknown-type' && (this.#protocol ?? 0) > PROTOCOL) {
        this.#context.log.info({ detail: decoded.detail }, 'ignored what only a newer relay understands');
        return;
      }
      this.#link.fail(CloseCode.badMessage, 'bad-message', decoded.detail);
      return;
    }
    const { message } = decoded;
    if ((message.type === 'hello') !== (this.#protocol === undefined)) {
      const detail = this.#protocol === undefined ? 'the first message is hello' : 'hello is said once';
      this.#link.fail(CloseCode.badMessage, 'bad-message', detail);
    } else if (message.type === 'hello') this.#onHello(message);
    else await this.#answer(message);
  }

  #onHello({ protocol, client, features }: Asked<'hello'>): void {
    const { log, now, fleet, relayVersion } = this.#context;
    clearTimeout(this.#helloTimer);
    if (protocol < OLDEST_OPERATOR_PROTOCOL) {
      const message = `${client.name} ${client.version} speaks protocol ${protocol}; this relay needs ${OLDEST_OPERATOR_PROTOCOL} or newer. Update ${client.name}.`;
      this.#link.fail(CloseCode.protocolTooOld, 'protocol-too-old', message);
      return;
    }
    this.#protocol = protocol;
    log.info({ client, protocol }, 'operator connected');
    this.#say({
      type: 'welcome',
      protocol: Math.min(protocol, PROTOCOL),
      relayVersion,
      operator: this.#owner.name,
      now: now(),
      features: [ROLLOUTS],
    });
    const rollouts = features?.includes(ROLLOUTS) ?? false;
    this.#fleetFeed = new FleetFeed({ fleet, link: this.#link, rollouts, poke: feed => this.#pump.poke(feed) });
    this.#pump.poke(this.#fleetFeed);
  }

  /** Whatever is asked is replied to, also when the store fails. */
  async #answer(message: Exclude<OperatorMessage, { type: 'hello' }>): Promise<void> {
    try {
      const reply = await this.#replyTo(message);
      if (reply) this.#reply(message.id, reply);
    } catch (error) {
      this.#context.metrics.storeErrors.inc();
      this.#context.log.error({ err: error, asked: message.type }, 'cannot do what was asked');
      this.#reply(message.id, notStored(error));
    }
  }

  #replyTo(message: Exclude<OperatorMessage, { type: 'hello' }>): Promise<Reply | undefined> {
    switch (message.type) {
      case 'update-agent':
        return this.#updateAgent(message);
      case 'cancel':
        return this.#cancel(message);
      case 'start-rollout':
        return this.#startRollout(message);
      case 'stop-rollout':
        return this.#stopRollout(message);
      case 'refresh':
        return this.#refresh(message);
      case 'subscribe':
        return this.#subscribe(message);
      case 'unsubscribe':
        this.#unsubscribe(message.runId);
        return Promise.resolve({ ok: true });
      case 'list-runs':
        return this.#listRuns(message);
    }
  }

  async #updateAgent({ type: _type, id: _id, ...envelope }: Asked<'update-agent'>): Promise<Reply> {
    const { backbone, now } = this.#context;
    const parsed = parseRequest(requestBytes(envelope), envelope.runId);
    if (!parsed.ok) return refused('bad-request', parsed.message);
    const { request } = parsed;
    const [result] = await Promise.all([
      backbone.askRun({ envelope, request, by: this.#owner.name, at: now() }),
      this.#audit('update-agent', request.host, envelope.runId),
    ]);
    if (result.kind === 'refused') return { ok: false, error: result.reason };
    const isOnline = await backbone.commandHost(request.host, { kind: 'deliver' });
    return {
      ok: true,
      run: result.run,
      ...(!isOnline && { message: `${request.host} is offline; it will be updated when it comes back.` }),
    };
  }

  async #startRollout({ type: _type, id: _id, ...ask }: Asked<'start-rollout'>): Promise<Reply> {
    const { backbone, now } = this.#context;
    const read = readRequests(ask);
    if (!read.ok) return refused('bad-request', read.message);
    const [result] = await Promise.all([
      backbone.askRollout({ ask, requests: read.requests, by: this.#owner.name, at: now() }),
      this.#audit('start-rollout', ask.rolloutId, `${ask.requests.length} hosts`),
    ]);
    if (result.kind === 'refused') return { ok: false, error: result.reason };
    return { ok: true, rollout: result.rollout, ...(result.refused.length > 0 && { refused: [...result.refused] }) };
  }

  async #stopRollout({ rolloutId }: Asked<'stop-rollout'>): Promise<Reply> {
    const { backbone, now } = this.#context;
    const [rollout] = await Promise.all([
      backbone.stopRollout(rolloutId, this.#owner.name, now()),
      this.#audit('stop-rollout', rolloutId, ''),
    ]);
    if (!rollout) return refused('no-such-rollout', `The relay knows no rollout ${rolloutId}.`);
    return { ok: true, rollout };
  }

  async #cancel({ id, runId }: Asked<'cancel'>): Promise<Reply | undefined> {
    const { backbone, now } = this.#context;
    const before = await backbone.run(runId);
    if (!before) return noSuchRun(runId);
    if (isOver(before.summary)) return refused('over', `Run ${runId} is over already.`);
    const [after] = await Promise.all([
      backbone.changeRun(runId, { kind: 'cancel', at: now(), by: this.#owner.name }),
      this.#audit('cancel', before.summary.host, runId),
    ]);
    const { host } = before.summary;
    if (after && after.summary.delivery === 'cancelled') {
      return { ok: true, run: after.summary, message: `Cancelled before ${host} began; nothing was changed on it.` };
    }
    // what the host says can take a while, and other requests need not wait for it
    this.#link.track(this.#cancelOnHost(host, runId).then(reply => this.#reply(id, reply)));
    return undefined;
  }

  async #cancelOnHost(host: string, runId: RunId): Promise<Reply> {
    const { backbone, timings } = this.#context;
    let answered: (answer: CancelAnswer) => void = () => undefined;
    const answer = new Promise<CancelAnswer>(resolve => (answered = resolve));
    const unwatch = backbone.watchRun(runId, news => {
      if (news.kind === 'cancel-answered') answered(news.answer);
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<undefined>(
      resolve => (timer = setTimeout(() => resolve(undefined), timings.cancelAnswer)),
    );
    try {
      const isOnline = await backbone.commandHost(host, { kind: 'cancel', runId, by: this.#owner.name });
      if (!isOnline) {
        return { ok: true, message: `${host} is offline. It will be told to cancel as soon as it is connected again.` };
      }
      const said = await Promise.race([answer, timeout]);
      if (!said) return { ok: true, message: `${host} was told to cancel and has not answered yet.` };
      return said.accepted ? { ok: true, message: said.message } : refused('cancel-refused', said.message);
    } finally {
      clearTimeout(timer);
      unwatch();
    }
  }

  async #refresh({ host }: Asked<'refresh'>): Promise<Reply> {
    const { backbone } = this.#context;
    if (!(await backbone.host(host))) return refused('unknown-host', `No host of the name ${host} is enrolled.`);
    return (await backbone.commandHost(host, { kind: 'refresh' }))
      ? { ok: true }
      : refused('offline', `${host} is offline.`, 'What is shown of it is what it last said.');
  }

  async #subscribe({ id, runId, afterSeq, streams }: Asked<'subscribe'>): Promise<Reply | undefined> {
    const { backbone, metrics } = this.#context;
    const record = await backbone.run(runId);
    if (!record) return noSuchRun(runId);
    if (!this.#link.isOpen) return undefined;
    this.#unsubscribe(runId);
    this.#reply(id, { ok: true, run: record.summary });
    const onSent = (from: 'live' | 'disk') => metrics.framesSent.inc({ from });
    const { link, pump } = { link: this.#link, pump: this.#pump };
    const subscription = new Subscription({ backbone, link, pump, runId, afterSeq, streams, onSent });
    this.#subscriptions.set(runId, subscription);
    return undefined;
  }

  #unsubscribe(runId: RunId): void {
    this.#subscriptions.get(runId)?.close();
    this.#subscriptions.delete(runId);
  }

  async #listRuns({ host, limit, before }: Asked<'list-runs'>): Promise<Reply> {
    const runs: readonly RunSummary[] = await this.#context.backbone.runs({ host, limit, ...(before && { before }) });
    return { ok: true, runs: [...runs] };
  }

  async #audit(action: string, subject: string, detail: string): Promise<void> {
    const { backbone, now } = this.#context;
    await backbone.audit({ at: now(), who: `operator ${this.#owner.name}`, action, subject, detail });
  }

  #reply(id: number, reply: Reply): void {
    const { fleet } = this.#context;
    this.#say({ type: 'reply', id, ...reply, ...(reply.run && { run: fleet.withProgress(reply.run) }) });
  }

  #say(message: ToOperatorMessage): void {
    this.#link.sendText(JSON.stringify(message));
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#helloTimer);
    this.#fleetFeed?.close();
    for (const runId of [...this.#subscriptions.keys()]) this.#unsubscribe(runId);
    this.#context.metrics.closes.inc({ kind: 'operator', code });
    this.#context.log.info({ code, reason }, 'operator disconnected');
    void this.#link.settled().then(() => this.#over.resolve(undefined));
  }
}

function refused(kind: string, message: string, advice?: string): Reply {
  const error: Reason = { kind, message, ...(advice !== undefined && { advice }) };
  return { ok: false, error };
}

function notStored(error: unknown): Reply {
  return error instanceof DiskFull
    ? refused(
        'storage',
        'The disk of the relay is full, so nothing was done.',
        'Make room there and ask again; the relay goes on by itself.',
      )
    : refused('storage', 'The relay could not write to its disk.', 'Look at its log.');
}

function noSuchRun(runId: RunId): Reply {
  return refused('no-such-run', `The relay knows no run ${runId}.`, 'It may have been removed after 30 days.');
}
