import type { WebSocket } from 'ws';
import type { TokenOwner } from '../backbone/backbone.ts';
import { AgentSession } from './agent-session.ts';
import type { Session, SessionContext } from './context.ts';
import { OperatorSession } from './operator-session.ts';

/** Everybody who is connected. */
export class Sessions {
  readonly #context: SessionContext;
  readonly #open = new Set<Session>();
  #closing = false;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** Serves a socket whose peer came in with this token. */
  admit(socket: WebSocket, owner: TokenOwner, tokenHash: string): void {
    const { metrics } = this.#context;
    const kind = owner.kind === 'host' ? 'agent' : 'operator';
    const Kind = owner.kind === 'host' ? AgentSession : OperatorSession;
    const session = new Kind(socket, owner, tokenHash, this.#context);
    this.#open.add(session);
    metrics.connections.inc({ kind });
    socket.once('close', () => metrics.connections.dec({ kind }));
    void session.over.then(() => this.#open.delete(session));
    if (this.#closing) session.goodbye();
    // the token may have been revoked while it was being looked at
    else this.#recheck(session);
  }

  /** Hosts that are connected now. */
  hosts(): readonly string[] {
    return [...this.#open].flatMap(({ host }) => host ?? []);
  }

  /** Tokens came or went. */
  recheck(): void {
    for (const session of this.#open) this.#recheck(session);
  }

  /** Everybody is told that the relay goes down; who comes in now is told at once. */
  goodbye(): void {
    this.#closing = true;
    for (const session of this.#open) session.goodbye();
  }

  /** Resolves when nobody is connected. */
  async over(): Promise<void> {
    while (this.#open.size > 0) await Promise.all([...this.#open].map(({ over }) => over));
  }

  #recheck(session: Session): void {
    session.recheckToken().catch((error: unknown) => {
      this.#context.log.error({ err: error }, 'cannot check a token again');
    });
  }
}
