import type { OperatorMessage, Reason, ToOperatorMessage } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { Link } from './link.ts';

type Ask = Extract<OperatorMessage, { id: number }>;
/** Something that the relay replies to, without the number that ties the reply to it. */
export type AskBody = Ask extends infer A ? (A extends Ask ? Omit<A, 'id'> : never) : never;
export type Reply = Extract<ToOperatorMessage, { type: 'reply' }>;

export type CallResult =
  | { readonly ok: true; readonly reply: Reply }
  /** `disconnected`: the link went away before the reply came, and nobody knows whether it was heard. */
  | { readonly ok: false; readonly reason: Reason };

interface Pending {
  readonly body: AskBody;
  readonly keep: boolean;
  readonly resolve: (result: CallResult) => void;
}

/** Questions and replies over a link that comes and goes. */
export class Calls extends Disposable {
  readonly #link: Pick<Link, 'send' | 'isOnline' | 'onMessage' | 'onDidChangeState'>;
  readonly #locale: Locale;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(link: Pick<Link, 'send' | 'isOnline' | 'onMessage' | 'onDidChangeState'>, locale: Locale) {
    super();
    this.#link = link;
    this.#locale = locale;
    this.own(link.onMessage(message => message.type === 'reply' && this.#settle(message)));
    this.own(
      link.onDidChangeState(state => {
        if (state.kind === 'online') this.#sayAgain();
        else if (state.kind === 'signed-out' || state.kind === 'refused') this.#drop(() => true);
        else this.#drop(pending => !pending.keep);
      }),
    );
  }

  /** Asks, now or never: without a link, or when it is lost before the reply, the result is `disconnected`. */
  ask(body: AskBody): Promise<CallResult> {
    return this.#ask(body, false);
  }

  /**
   * Asks until there is a reply, on every link that comes, in the same words. Only for what may be heard twice. Ends
   * `disconnected` when the person signs out or the relay refuses them.
   */
  insist(body: AskBody): Promise<CallResult> {
    return this.#ask(body, true);
  }

  override dispose(): void {
    this.#drop(() => true);
    super.dispose();
  }

  #ask(body: AskBody, keep: boolean): Promise<CallResult> {
    if (this.isDisposed || (!keep && !this.#link.isOnline)) return Promise.resolve(this.#disconnected());
    return new Promise(resolve => {
      const id = this.#nextId++;
      this.#pending.set(id, { body, keep, resolve });
      this.#link.send({ ...body, id });
    });
  }

  #sayAgain(): void {
    for (const [id, { body }] of this.#pending) this.#link.send({ ...body, id });
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    this.#pending.delete(reply.id);
    if (reply.ok) pending.resolve({ ok: true, reply });
    else {
      const message = this.#locale.t('The relay refused.');
      pending.resolve({ ok: false, reason: reply.error ?? { kind: 'unknown', message } });
    }
  }

  #drop(which: (pending: Pending) => boolean): void {
    for (const [id, pending] of [...this.#pending]) {
      if (!which(pending)) continue;
      this.#pending.delete(id);
      pending.resolve(this.#disconnected());
    }
  }

  #disconnected(): CallResult {
    const message = this.#locale.t('The connection to the relay was lost before it answered.');
    return { ok: false, reason: { kind: 'disconnected', message } };
  }
}
