/**
 * The agent's one connection to the relay: the shell around `state.ts`. Messages that parse come out, sessions begin and
 * end with the link, and whatever goes wrong is a line in the log and another try.
 */
import type { Logger } from 'pino';
import { major, minor, valid } from 'semver';
import type { WebSocket } from 'ws';
import { decodeMessage, toAgentMessageSchema, type AgentMessage, type ToAgentMessage } from '../../protocol/index.ts';
import { openSocket, type LinkConfig, type SocketEvents } from './socket.ts';
import {
  DEFAULT_TIMINGS,
  INITIAL_LINK,
  reduce,
  wakeAt,
  type LinkEffect,
  type LinkEvent,
  type LinkState,
  type LinkTimings,
} from './state.ts';
import { fileStamp } from './token.ts';

type Welcome = Extract<ToAgentMessage, { type: 'welcome' }>;

/** What is for the session; the link itself takes the rest. */
export type SessionMessage = Exclude<ToAgentMessage, { type: 'welcome' | 'error' }>;

/** An open and greeted connection. What is said after it has ended is dropped. */
export interface Connection {
  readonly welcome: Welcome;
  send(message: AgentMessage): void;
  /** For the bulk: encoded messages and frames. `flushed` is called when the kernel has taken it, or the link is lost. */
  sendRaw(data: string | Uint8Array, flushed: () => void): void;
  /** Bytes that wait in this process. */
  readonly bufferedAmount: number;
  /** The other side took something that had been stuck: it lives. */
  progressed(): void;
}

export interface Session {
  receive(message: SessionMessage): void;
  end(): void;
}

export interface LinkOptions {
  readonly config: LinkConfig;
  readonly version: string;
  readonly hello: () => AgentMessage;
  readonly beginSession: (connection: Connection) => Session;
  readonly log: Logger;
  readonly timings?: LinkTimings;
}

/** How often a waiting agent looks whether its token or certificate was written anew, milliseconds. */
const CREDENTIALS_POLL = 3000;

export class Link {
  readonly #options: LinkOptions;
  readonly #timings: LinkTimings;
  #state: LinkState = INITIAL_LINK;
  #socket: WebSocket | undefined;
  #welcome: Welcome | undefined;
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #credentials: string | undefined;
  #lastLog = { message: '', at: -Infinity };
  readonly #stopped = Promise.withResolvers<undefined>();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#timings = options.timings ?? DEFAULT_TIMINGS;
  }

  get isOnline(): boolean {
    return this.#state.name === 'online';
  }

  start(): void {
    this.#take({ type: 'tick' });
  }

  /** Says goodbye; resolves when the relay has heard it, at the latest after the drain time. */
  async stop(): Promise<void> {
    this.#take({ type: 'shutdown' });
    await this.#stopped.promise;
  }

  #take(event: LinkEvent): void {
    const { state, effects } = reduce(this.#state, event, {
      now: performance.now(),
      random: Math.random(),
      timings: this.#timings,
    });
    this.#state = state;
    for (const effect of effects) this.#do(effect);
    // an effect may have taken the next event already
    if (this.#state === state) this.#arm(state);
  }

  #arm(state: LinkState): void {
    clearTimeout(this.#timer);
    if (state.name === 'stopped') {
      this.#stopped.resolve(undefined);
      return;
    }
    const at = wakeAt(state, this.#timings);
    if (at === undefined) return;
    let delay = Math.max(0, at - performance.now());
    if (state.name === 'waiting' && state.retryOnChange) delay = Math.min(delay, CREDENTIALS_POLL);
    this.#timer = setTimeout(() => this.#wake(), delay);
  }

  #wake(): void {
    const changed = this.#state.name === 'waiting' && this.#credentials !== this.#stampCredentials();
    this.#take({ type: changed ? 'credentials-changed' : 'tick' });
  }

  #stampCredentials(): string {
    const { tokenFile, caFile } = this.#options.config;
    return `${fileStamp(tokenFile)} ${caFile === undefined ? '' : fileStamp(caFile)}`;
  }

  #do(effect: LinkEffect): void {
    switch (effect.type) {
      case 'connect': {
        this.#connect();
        return;
      }
      case 'say-hello':
        return this.#socket?.send(JSON.stringify(this.#options.hello()));
      case 'begin-session': {
        this.#beginSession();
        return;
      }
      case 'end-session': {
        const session = this.#session;
        this.#session = undefined;
        return session?.end();
      }
      case 'ping':
        return this.#socket?.ping();
      case 'close':
        return this.#socket?.close(effect.code, effect.reason);
      case 'drop': {
        this.#drop(effect.code, effect.reason);
        return;
      }
      case 'log': {
        this.#log(effect.level, effect.message);
        return;
      }
    }
  }

  #connect(): void {
    this.#credentials = this.#stampCredentials();
    this.#welcome = undefined;
    let socket: WebSocket | undefined;
    /** A socket that was given up is not listened to. */
    const current = (take: () => void) => (socket === this.#socket ? take() : undefined);
    const events: SocketEvents = {
      opened: () => current(() => this.#take({ type: 'opened' })),
      text: text => current(() => this.#receive(text)),
      heard: () => current(() => this.#take({ type: 'heard' })),
      lost: trouble => current(() => this.#take({ type: 'lost', trouble })),
    };
    const opened = openSocket(this.#options.config, events, this.#timings.connect);
    if (opened.ok) this.#socket = socket = opened.socket;
    else this.#take({ type: 'lost', trouble: opened.trouble });
  }

  #drop(code?: number, reason?: string): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    if (code === undefined || socket.readyState !== socket.OPEN) {
      socket.terminate();
      return;
    }
    // a close reason has at most 123 bytes
    socket.close(
      code,
      Buffer.from(reason ?? '')
        .subarray(0, 120)
        .toString('latin1')
        .replace(/[^\x20-\x7e]/g, '?'),
    );
    setTimeout(() => socket.terminate(), this.#timings.drain).unref();
  }

  #receive(text: string): void {
    const decoded = decodeMessage(toAgentMessageSchema, text);
    if (!decoded.ok) {
      // an agent that hangs up on a newer relay could not be updated any more
      if (decoded.kind === 'unknown-type' && this.#relayIsNewer()) {
        this.#options.log.warn(`ignored what the newer relay said: ${decoded.detail}`);
        return;
      }
      this.#take({ type: 'nonsense', detail: decoded.detail });
      return;
    }
    const message = decoded.message;
    if (message.type === 'welcome') {
      this.#welcome = message;
      this.#take({ type: 'welcomed' });
    } else if (message.type === 'error') {
      this.#options.log.error(`the relay says: ${message.message} (${message.kind})`);
    } else {
      this.#session?.receive(message);
    }
  }

  #relayIsNewer(): boolean {
    const theirs = valid(this.#welcome?.relayVersion);
    const ours = valid(this.#options.version);
    if (theirs === null || ours === null) return true;
    return major(theirs) > major(ours) || (major(theirs) === major(ours) && minor(theirs) > minor(ours));
  }

  #beginSession(): void {
    const socket = this.#socket;
    const welcome = this.#welcome;
    if (!socket || !welcome) return;
    this.#lastLog = { message: '', at: -Infinity };
    this.#options.log.info(`connected to the relay ${this.#options.config.relayUrl} (${welcome.relayVersion})`);
    const isOpen = () => socket === this.#socket && socket.readyState === socket.OPEN;
    this.#session = this.#options.beginSession({
      welcome,
      send: message => isOpen() && socket.send(JSON.stringify(message)),
      sendRaw: (data, flushed) => (isOpen() ? socket.send(data, () => flushed()) : flushed()),
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      progressed: () => isOpen() && this.#take({ type: 'heard' }),
    });
  }

  /** A trouble that stays is said once, and then again every ten minutes. */
  #log(level: 'info' | 'warn' | 'error', message: string): void {
    const { log } = this.#options;
    const gist = message.replace(/; next try in .*$/, '');
    const now = performance.now();
    if (gist === this.#lastLog.message && now - this.#lastLog.at < 10 * 60_000) {
      log.debug(message);
      return;
    }
    this.#lastLog = { message: gist, at: now };
    log[level](message);
  }
}
