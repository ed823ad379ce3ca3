import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import {
  agentMessageSchema,
  CloseCode,
  decodeFrame,
  decodeMessage,
  isHeld,
  PROTOCOL,
  type AgentMessage,
  type RunId,
  type ToAgentMessage,
} from '../../protocol/index.ts';
import type { HostCommand, TokenOwner } from '../backbone/backbone.ts';
import type { Session, SessionContext } from './context.ts';
import { HostRuns } from './host-runs.ts';
import { Link } from './link.ts';

type Hello = Extract<AgentMessage, { type: 'hello' }>;

/** One connection of an agent, which speaks for one host. */
export class AgentSession implements Session {
  readonly #context: SessionContext;
  readonly #owner: TokenOwner;
  readonly #tokenHash: string;
  readonly #id = randomUUID();
  readonly #link: Link;
  readonly #runs: HostRuns;
  #helloTimer: NodeJS.Timeout | undefined;
  #hello: Hello | undefined;
  #greeted = false;
  /** Text messages are worked off one after the other. */
  #turn: Promise<void> = Promise.resolve();
  readonly #over = Promise.withResolvers<undefined>();

  constructor(socket: WebSocket, owner: TokenOwner, tokenHash: string, context: SessionContext) {
    this.#context = { ...context, log: context.log.child({ host: owner.name, session: this.#id.slice(0, 8) }) };
    this.#owner = owner;
    this.#tokenHash = tokenHash;
    const { metrics, timings, log, onReceived } = this.#context;
    this.#link = new Link(socket, timings, {
      onMessage: (data, isBinary) => {
        metrics.bytesReceived.inc({ kind: 'agent' }, data.length);
        onReceived?.(data.length);
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
    this.#runs = new HostRuns({
      ...this.#context,
      host: owner.name,
      say: message => this.#say(message),
      onForeignRun: runId => this.#onForeignRun(runId),
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
        return this.#runs.takeList(message.runs);
      case 'status': {
        this.#link.track(backbone.putStatus(this.#owner.name, message.status, now()));
        return;
      }
      case 'events':
        // the next message need not wait for the disk: changes are made in order anyway
        if (await this.#runs.isOwn(message.runId)) {
          this.#link.track(this.#runs.takeEvents(message.runId, message.events));
        }
        return;
      case 'progress':
        if (await this.#runs.isOwn(message.runId))
          await backbone.tellProgress(this.#owner.name, message.runId, message.progress);
        return;
      case 'request-result': {
        if (!(await this.#runs.isOwn(message.runId))) return;
        const reason = message.reason ?? { kind: 'refused', message: `${this.#owner.name} refused without a reason.` };
        await backbone.changeRun(
          message.runId,
          message.accepted ? { kind: 'begun' } : { kind: 'refused', at: now(), reason },
        );
        return;
      }
      case 'cancel-result':
        if (await this.#runs.isOwn(message.runId)) {
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
    this.#say({ type: 'welcome', protocol: Math.min(hello.protocol, PROTOCOL), relayVersion, progress: true });
    await this.#deliver('all');
  }

  /** Says what waits for the host: requests, and cancels that it has not answered. */
  async #deliver(which: 'all' | 'new'): Promise<void> {
    const { backbone, now } = this.#context;
    for (const record of await backbone.liveRuns(this.#owner.name)) {
      const { envelope, cancelAskedBy, summary } = record;
      const { runId } = summary;
      if (isHeld(summary)) continue;
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
      case 'lost-output': {
        this.#link.failStore(new Error('output could not be kept'));
        return;
      }
      case 'replaced': {
        this.#link.fail(CloseCode.replaced, 'replaced', `${this.#owner.name} connected again.`);
        return;
      }
    }
  }

  #onFrame(data: Uint8Array): Promise<void> | undefined {
    const decoded = decodeFrame(data);
    if (decoded.ok && this.#greeted) return this.#runs.takeFrame(decoded.frame, data);
    this.#link.fail(CloseCode.badMessage, 'bad-frame', decoded.ok ? 'the first message is hello' : decoded.message);
    return undefined;
  }

  #onForeignRun(runId: RunId): void {
    this.#context.log.warn({ run: runId }, 'the host spoke for the run of another host');
    this.#link.fail(CloseCode.forbidden, 'other-run', `Run ${runId} is not one of ${this.#owner.name}.`);
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
