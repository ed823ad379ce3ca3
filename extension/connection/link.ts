/**
 * The one connection of this window to the relay. Decisions are made in state.ts; here are the socket, the clock and the
 * timer. Comes in: whom to connect to. Leaves: states, messages, output frames.
 */
import { STEADY_CLOCK, type Clock } from '../base/clock.ts';
import { Disposable, toDisposable, type IDisposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Log } from '../base/log.ts';
import type { OperatorMessage, OutputFrame, ToOperatorMessage } from '../../protocol/index.ts';
import { hasSlept, LOOK_EVERY, type Moment } from './sleep.ts';
import {
  openRelaySocket,
  type ClientInfo,
  type RelaySocket,
  type RelayTarget,
  type SocketHandlers,
} from './relay-socket.ts';
import {
  deadlineOf,
  reduceConnection,
  SIGNED_OUT,
  troubleIn,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
} from './state.ts';

export interface LinkOptions {
  readonly client: ClientInfo;
  readonly log: Log;
  readonly open?: typeof openRelaySocket;
  readonly random?: () => number;
  readonly clock?: Clock;
  /** The clock on the wall, in milliseconds. */
  readonly wall?: () => number;
}

export class Link extends Disposable {
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #stateChanged = this.own(new Emitter<ConnectionState>());
  readonly #message = this.own(new Emitter<ToOperatorMessage>());
  readonly #frame = this.own(new Emitter<OutputFrame>());
  #state: ConnectionState = SIGNED_OUT;
  #target: RelayTarget | undefined;
  #socket: RelaySocket | undefined;
  #heardAt = 0;
  /** Those who want the present socket not to be read. */
  #holds = new Set<object>();
  #timer: IDisposable | undefined;
  /** When the clocks were last looked at; undefined while there is nothing to lose by a sleep. */
  #looked: Moment | undefined;

  readonly onDidChangeState = this.#stateChanged.event;
  readonly onMessage = this.#message.event;
  readonly onFrame = this.#frame.event;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    this.#clock = options.clock ?? STEADY_CLOCK;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isOnline(): boolean {
    return this.#state.kind === 'online';
  }

  /** The relay that it is about; undefined when signed out. */
  get url(): string | undefined {
    return this.#target?.url;
  }

  /** Connects to this relay and stays with it, whatever happens, until told otherwise. */
  signIn(target: RelayTarget): void {
    this.#target = target;
    this.#dispatch({ type: 'sign-in' });
  }

  signOut(): void {
    this.#target = undefined;
    this.#dispatch({ type: 'sign-out' });
  }

  /** Tries now what would be tried later, or not at all. */
  retry(): void {
    this.#dispatch({ type: 'retry' });
  }

  /** Looks at the link: the person came back. */
  wake(): void {
    this.#dispatch({ type: 'wake' });
  }

  /** Says something to the relay. False, and nothing said, when the link is not online. */
  send(message: OperatorMessage): boolean {
    if (this.#state.kind !== 'online' || !this.#socket) return false;
    this.#socket.send(message);
    return true;
  }

  /**
   * Nothing more is read of this connection before what is returned is disposed: whoever is behind with what came has
   * the relay wait. Silence meanwhile is nobody's fault. The next connection is read again.
   */
  hold(): IDisposable {
    const [socket, holds, hold] = [this.#socket, this.#holds, {}];
    holds.add(hold);
    socket?.pause();
    return toDisposable(() => {
      if (!holds.delete(hold) || holds.size > 0) return;
      if (holds === this.#holds) this.#heardAt = this.#clock.now();
      socket?.resume();
    });
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.signOut();
    super.dispose();
  }

  #dispatch(event: ConnectionEvent): void {
    if (this.isDisposed) return;
    const before = this.#state;
    const context = {
      now: this.#clock.now(),
      heardAt: this.#holds.size > 0 ? this.#clock.now() : this.#heardAt,
      random: (this.#options.random ?? Math.random)(),
    };
    const [state, effects] = reduceConnection(before, event, context);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    this.#arm();
    if (state !== before && !isOnlyAPing(before, state)) {
      this.#options.log[levelOf(before, state)](describe(state, this.#clock.now()));
      this.#stateChanged.fire(state);
    }
  }

  #perform(effect: ConnectionEffect): void {
    switch (effect.type) {
      case 'open':
        this.#open(effect.socket);
        return;
      case 'close':
        this.#socket?.close();
        this.#socket = undefined;
        return;
      case 'ping':
        this.#socket?.ping();
        return;
    }
  }

  #open(socket: number): void {
    if (!this.#target) return;
    const isCurrent = (): boolean => this.#state.socket === socket;
    const handlers: SocketHandlers = {
      onOpen: () => this.#dispatch({ type: 'opened', socket }),
      onHeard: () => {
        if (isCurrent()) this.#heardAt = this.#clock.now();
      },
      onMessage: message => {
        if (!isCurrent()) return;
        if (message.type === 'welcome') {
          const { protocol, relayVersion, operator } = message;
          this.#dispatch({ type: 'welcomed', socket, relay: { protocol, version: relayVersion, operator } });
        } else if (message.type === 'error') {
          this.#options.log.warn(`the relay says: ${message.message} (${message.kind})`);
        }
        this.#message.fire(message);
      },
      onFrame: frame => {
        if (isCurrent()) this.#frame.fire(frame);
      },
      onUnknown: detail => this.#options.log.info(`ignored what only a newer relay says: ${detail}`),
      onEnd: trouble => {
        if (isCurrent()) this.#socket = undefined;
        this.#dispatch({ type: 'ended', socket, trouble });
      },
    };
    this.#heardAt = this.#clock.now();
    this.#holds = new Set();
    this.#socket = (this.#options.open ?? openRelaySocket)(this.#target, this.#options.client, handlers);
  }

  /** One timer: to the state's one deadline, or sooner to look whether the machine slept. */
  #arm(): void {
    this.#timer?.dispose();
    this.#timer = undefined;
    const deadline = deadlineOf(this.#state);
    if (deadline === undefined || this.isDisposed) {
      this.#looked = undefined;
      return;
    }
    this.#looked ??= this.#moment();
    const next = Math.min(deadline, this.#looked.steady + LOOK_EVERY);
    // a timer may fire a little early by this clock
    const wait = Math.max(1, Math.ceil(next - this.#clock.now()) + 1);
    this.#timer = this.#clock.after(wait, () => this.#onTime());
  }

  #onTime(): void {
    const [before, now] = [this.#looked, this.#moment()];
    this.#looked = now;
    const slept = before !== undefined && hasSlept(before, now);
    if (slept) this.#options.log.info('the machine slept: looking whether the relay is still there');
    this.#dispatch({ type: slept ? 'slept' : 'deadline' });
  }

  #moment(): Moment {
    return { steady: this.#clock.now(), wall: (this.#options.wall ?? Date.now)() };
  }
}

/** The heartbeat moves on within a state; nobody needs to hear of it. */
function isOnlyAPing(before: ConnectionState, state: ConnectionState): boolean {
  return before.kind === 'online' && state.kind === 'online' && before.socket === state.socket;
}

/** What a person looks for in the log; the hundredth attempt that meets the same is not among it. */
function levelOf(before: ConnectionState, state: ConnectionState): 'debug' | 'info' | 'warn' {
  const met = (of: ConnectionState): string => JSON.stringify(troubleIn(of));
  if (state.kind === 'refused') return met(before) === met(state) ? 'debug' : 'warn';
  if (state.kind === 'reconnecting') return met(before) === met(state) ? 'debug' : 'info';
  return state.kind === 'online' || state.kind === 'signed-out' ? 'info' : 'debug';
}

function describe(state: ConnectionState, now: number): string {
  switch (state.kind) {
    case 'online':
      return `link: online, relay ${state.relay.version}, operator ${state.relay.operator}`;
    case 'reconnecting':
      return `link: lost (${JSON.stringify(state.why)}), attempt ${state.attempt} in ${Math.max(0, Math.round(state.until - now))} ms`;
    case 'refused':
      return `link: refused (${JSON.stringify(state.why)})`;
    default:
      return `link: ${state.kind}`;
  }
}
