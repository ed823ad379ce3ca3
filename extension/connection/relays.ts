import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { Disposable } from '../base/disposable.ts';
import { Emitter, type Event } from '../base/event.ts';
import { messageOf, type Log } from '../base/log.ts';
import type { IDisposable } from '../base/disposable.ts';
import type { RelayTarget } from './relay-socket.ts';
import { parseRelayUrl } from './relay-url.ts';

/** What a vscode.SecretStorage is, as far as it is needed here. */
export interface Secrets {
  get(key: string): PromiseLike<string | undefined>;
  store(key: string, value: string): PromiseLike<void>;
  onDidChange(listener: (event: { readonly key: string }) => unknown): IDisposable;
}

export interface RelayEnvironment {
  /** Connects to this relay, whatever is stored. For try-outs and tests. */
  readonly NIXFLEET_RELAY_URL?: string | undefined;
  /** A file with the operator's token and nothing else. */
  readonly NIXFLEET_RELAY_TOKEN_FILE?: string | undefined;
}

/** URL and token are one secret: they change together, and other windows hear of it. The token leaves on signing out. */
const SECRET = 'nixfleet.relay';
const secretSchema = z.object({
  url: z.string(),
  token: z.string().min(1).optional(),
  fingerprint: z.string().optional(),
  local: z.string().optional(),
});
type Stored = z.infer<typeof secretSchema>;

/** What is stored: it was not looked yet, no relay, a relay without a token, or both. */
export type Configured = 'unknown' | 'nothing' | 'relay' | 'relay-and-token';

/** Which relay this person uses, and with which token. Read at start, in the background; every window follows. */
export class Relays extends Disposable {
  readonly #secrets: Secrets;
  /** Counts until the person chooses otherwise in this window. */
  #environment: RelayEnvironment | undefined;
  readonly #log: Log;
  readonly #changed = this.own(new Emitter<void>());
  #stored: Stored | undefined;
  #read = false;

  readonly onDidChange: Event<void> = this.#changed.event;

  constructor(secrets: Secrets, environment: RelayEnvironment, log: Log) {
    super();
    this.#secrets = secrets;
    this.#environment = environment;
    this.#log = log;
    this.own(secrets.onDidChange(event => event.key === SECRET && void this.load()));
  }

  get configured(): Configured {
    if (!this.#read) return 'unknown';
    if (!this.#stored) return 'nothing';
    return this.#stored.token === undefined ? 'relay' : 'relay-and-token';
  }

  get url(): string | undefined {
    return this.#stored?.url;
  }

  /** Whom to connect to; undefined when nobody is signed in. */
  get target(): RelayTarget | undefined {
    const { url, token, ...rest } = this.#stored ?? {};
    return url === undefined || token === undefined ? undefined : { url, token, ...rest };
  }

  async load(): Promise<void> {
    const stored = (await this.#fromEnvironment()) ?? (await this.#fromSecrets());
    const same = this.#read && JSON.stringify(stored) === JSON.stringify(this.#stored);
    this.#stored = stored;
    this.#read = true;
    if (!same && !this.isDisposed) this.#changed.fire();
  }

  /** Uses and remembers a relay. Rejects when there is nowhere to keep a secret; it is used until the end all the same. */
  async signIn(target: RelayTarget): Promise<void> {
    const { url, token, fingerprint, local } = target;
    await this.#store({
      url,
      token,
      ...(fingerprint !== undefined && { fingerprint }),
      ...(local !== undefined && { local }),
    });
  }

  /** Forgets the token and remembers the URL. */
  async signOut(): Promise<void> {
    if (this.#stored) await this.#store({ url: this.#stored.url });
  }

  async #store(stored: Stored): Promise<void> {
    this.#environment = undefined;
    this.#stored = stored;
    this.#read = true;
    this.#changed.fire();
    await this.#secrets.store(SECRET, JSON.stringify(stored));
  }

  async #fromEnvironment(): Promise<Stored | undefined> {
    const { NIXFLEET_RELAY_URL: url, NIXFLEET_RELAY_TOKEN_FILE: file } = this.#environment ?? {};
    if (!url || !file) return undefined;
    const parsed = parseRelayUrl(url, true);
    if (!parsed.ok) {
      this.#log.error(`NIXFLEET_RELAY_URL is not a relay's URL (${parsed.kind}): ${url}`);
      return undefined;
    }
    try {
      return { url: parsed.url, token: (await readFile(file, 'utf8')).trim() };
    } catch (error) {
      this.#log.error(`NIXFLEET_RELAY_TOKEN_FILE: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #fromSecrets(): Promise<Stored | undefined> {
    try {
      const text = await this.#secrets.get(SECRET);
      if (text === undefined) return undefined;
      const parsed = secretSchema.safeParse(JSON.parse(text));
      if (parsed.success && URL.canParse(parsed.data.url)) return parsed.data;
      this.#log.warn('what was remembered of the relay cannot be read; connect again');
    } catch (error) {
      this.#log.error(`what was remembered of the relay cannot be read: ${messageOf(error)}`);
    }
    return undefined;
  }
}
