import * as z from 'zod';
import { HOST_KINDS } from '../../flake-nix/types.ts';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Log } from '../base/log.ts';
import type { FlakeRead } from '../language-server/protocol.ts';
import type { Memory } from '../updates/watched-runs.ts';
import type { Configurations } from './configurations.ts';
import type { Evaluation } from './evaluate.ts';

/** Answers of nix are kept here, by what they are answers about. */
const KEPT = 'nixfleet.evaluations';
const KEPT_AT_MOST = 8;
const keptSchema = z.array(
  z.object({
    key: z.string(),
    hosts: z.array(z.object({ kind: z.enum(HOST_KINDS), name: z.string() })),
  }),
);

export interface ConfiguredHostsParts {
  readonly memory: Memory;
  readonly log: Log;
  /** Names what would be evaluated; undefined where that cannot be told. */
  readonly keyOf: (folder: string, signal: AbortSignal) => Promise<string | undefined>;
  /** Undefined where nothing may, or can, be evaluated. */
  readonly evaluate: ((folder: string, signal: AbortSignal) => Promise<Evaluation>) | undefined;
}

/**
 * The hosts that nixcfg configures: what nix says where it may be asked, else what the text shows. An evaluation that is
 * overtaken by another one is ended.
 */
export class ConfiguredHosts extends Disposable {
  readonly #parts: () => ConfiguredHostsParts;
  readonly #changed = this.own(new Emitter<void>());
  #text: Configurations | undefined;
  #evaluated: Configurations | undefined;
  #running: AbortController | undefined;

  readonly onDidChange = this.#changed.event;

  /** @param parts asked for at each evaluation: trust may have been granted meanwhile */
  constructor(parts: () => ConfiguredHostsParts) {
    super();
    this.#parts = parts;
  }

  get configurations(): Configurations | undefined {
    return this.#evaluated ?? this.#text;
  }

  /** Nothing is known of the folder that is nixcfg from now on. */
  forget(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#text = undefined;
    this.#evaluated = undefined;
    this.#changed.fire();
  }

  /** What the text of flake.nix shows. */
  takeText(read: Pick<FlakeRead, 'hosts' | 'open'>): void {
    this.#text = { source: 'text', hosts: read.hosts, open: new Set(read.open) };
    if (!this.#evaluated) this.#changed.fire();
  }

  /** Finds out what nix says of a folder as it is now. */
  async evaluate(folder: string): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { signal } = running;
    const { memory, log, keyOf, evaluate } = this.#parts();
    if (!evaluate) return;
    const key = await keyOf(folder, signal);
    if (signal.aborted) return;
    const kept = this.#kept(memory);
    const known = kept.find(answer => answer.key === key);
    if (known) {
      this.#take({ source: 'evaluation', hosts: known.hosts, open: new Set() });
      return;
    }
    const begin = Date.now();
    const result = await evaluate(folder, signal);
    if (result.ended === 'cancelled' || this.#running !== running) return;
    const { hosts, open, problem } = result;
    log.info(`nix eval of ${folder}: ${hosts.length} configurations in ${Date.now() - begin} ms`);
    if (problem !== undefined) log.warn(`nix eval of ${folder}: ${problem}`);
    // what nix cannot tell, the text may
    if (open.size === HOST_KINDS.length) this.#take(undefined);
    else this.#take({ source: 'evaluation', hosts: [...hosts, ...this.#fromText(open)], open });
    if (key !== undefined && open.size === 0)
      await memory.update(KEPT, [{ key, hosts }, ...kept.filter(answer => answer.key !== key)].slice(0, KEPT_AT_MOST));
  }

  override dispose(): void {
    this.#running?.abort();
    super.dispose();
  }

  #fromText(kinds: Configurations['open']): Configurations['hosts'] {
    return (this.#text?.hosts ?? []).filter(({ kind }) => kinds.has(kind));
  }

  #take(evaluated: Configurations | undefined): void {
    this.#evaluated = evaluated;
    this.#changed.fire();
  }

  #kept(memory: Memory): z.infer<typeof keptSchema> {
    const kept = keptSchema.safeParse(memory.get(KEPT));
    return kept.success ? kept.data : [];
  }
}
