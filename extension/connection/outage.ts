import { STEADY_CLOCK, type Clock } from '../base/clock.ts';
import { Disposable, type IDisposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import type { Link } from './link.ts';
import { outageWords, type OutageWords } from './outage-words.ts';
import { relayName } from './relay-url.ts';

/** While there is no link its words are read so often, in milliseconds. */
const READ_EVERY = 1000;

/** What there is to say of a link that is down, kept up to date, and told only when it reads differently. */
export class Outage extends Disposable {
  readonly #link: Pick<Link, 'state' | 'url' | 'onDidChangeState'>;
  readonly #locale: Locale;
  readonly #clock: Clock;
  readonly #changed = this.own(new Emitter<void>());
  #words: OutageWords | undefined;
  /** By the clock on the wall, which others can read. */
  #lostAt: number | undefined;
  #timer: IDisposable | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(link: Pick<Link, 'state' | 'url' | 'onDidChangeState'>, locale: Locale, clock = STEADY_CLOCK) {
    super();
    this.#link = link;
    this.#locale = locale;
    this.#clock = clock;
    this.own(link.onDidChangeState(() => this.#read()));
    this.#read();
  }

  /** Undefined while all is well, and for the first moments in which it may be so again. */
  get words(): OutageWords | undefined {
    return this.#words;
  }

  /** Why nothing is heard of the hosts, in a sentence or two; undefined while it is, or may be again in a moment. */
  get reason(): string | undefined {
    if (this.#link.state.kind === 'signed-out') return this.#locale.t('You are signed out of the relay.');
    return this.#words?.what;
  }

  /** The reason, and since when there is one to give, by the clock on the wall. */
  get lost(): { readonly why: string; readonly since: number } | undefined {
    const why = this.reason;
    return why === undefined ? undefined : { why, since: this.#lostAt ?? Date.now() };
  }

  override dispose(): void {
    this.#timer?.dispose();
    super.dispose();
  }

  #read(): void {
    const { state, url } = this.#link;
    const before = this.#words;
    this.#lostAt = state.kind === 'online' ? undefined : (this.#lostAt ?? Date.now());
    this.#words = url === undefined ? undefined : outageWords(state, relayName(url), this.#clock.now(), this.#locale);
    this.#timer?.dispose();
    const mayChange = state.kind !== 'signed-out' && state.kind !== 'online';
    this.#timer = mayChange && !this.isDisposed ? this.#clock.after(READ_EVERY, () => this.#read()) : undefined;
    if (JSON.stringify(before) !== JSON.stringify(this.#words)) this.#changed.fire();
  }
}
