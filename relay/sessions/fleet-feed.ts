import { MAX_HOSTS_PER_MESSAGE, MAX_ROLLOUTS_PER_MESSAGE, type FleetHost } from '../../protocol/index.ts';
import type { Unwatch } from '../backbone/backbone.ts';
import type { FleetKey, FleetView } from '../fleet/fleet-view.ts';
import type { FeedLink } from './stream-feed.ts';
import type { Source } from './pump.ts';

/** Characters of JSON in one part of the snapshot, about. */
const PART_CHARS = 256 * 1024;
/** Changes told in one step, so that others have their turn. */
const CHANGES_PER_STEP = 100;

export interface FleetFeedOptions {
  readonly fleet: FleetView;
  readonly link: FeedLink;
  /** Whether the operator knows rollouts: to others they are not spoken of. */
  readonly rollouts: boolean;
  readonly poke: (feed: Source) => void;
}

/**
 * The fleet on its way to one operator: a snapshot in parts, then changes. An operator without room is owed the names of
 * what changed, and gets each as it is when there is room again.
 */
export class FleetFeed implements Source {
  readonly #options: FleetFeedOptions;
  readonly #unwatch: Unwatch;
  /** Hosts of the snapshot that are still to be said; undefined when it is complete. */
  #snapshot: string[] | undefined;
  readonly #owed = new Set<FleetKey>();

  constructor(options: FleetFeedOptions) {
    this.#options = options;
    this.#snapshot = [...options.fleet.names()];
    this.#unwatch = options.fleet.onChange((key, text) => {
      if (key.startsWith('rollout:') && !options.rollouts) return;
      if (!this.#snapshot && !options.link.isCongested && this.#owed.size === 0) {
        options.link.sendText(text);
        return;
      }
      this.#owed.add(key);
      options.poke(this);
    });
  }

  step(): Promise<boolean> {
    if (this.#snapshot) this.#sendPart(this.#snapshot);
    else this.#sendOwed();
    return Promise.resolve(this.#snapshot !== undefined || this.#owed.size > 0);
  }

  close(): void {
    this.#unwatch();
  }

  #sendPart(names: string[]): void {
    const hosts: string[] = [];
    let chars = 0;
    while (names.length > 0 && hosts.length < MAX_HOSTS_PER_MESSAGE && chars < PART_CHARS) {
      const host = this.#options.fleet.host(names.shift() ?? '');
      if (!host) continue;
      const json = hostJson(host);
      hosts.push(json);
      chars += json.length;
    }
    const last = names.length === 0;
    this.#options.link.sendText(`{"type":"fleet","hosts":[${hosts.join()}],"last":${last}}`);
    if (!last) return;
    this.#snapshot = undefined;
    if (!this.#options.rollouts) return;
    const rollouts = this.#options.fleet.rollouts().slice(0, MAX_ROLLOUTS_PER_MESSAGE);
    this.#options.link.sendText(JSON.stringify({ type: 'rollouts', rollouts }));
  }

  #sendOwed(): void {
    let told = 0;
    for (const key of this.#owed) {
      this.#owed.delete(key);
      const text = this.#options.fleet.text(key);
      if (text !== undefined) this.#options.link.sendText(text);
      if (++told === CHANGES_PER_STEP) return;
    }
  }
}

/** Hosts are immutable, and many operators connect at once after a relay was restarted. */
const written = new WeakMap<FleetHost, string>();

function hostJson(host: FleetHost): string {
  let json = written.get(host);
  if (json === undefined) {
    json = JSON.stringify(host);
    written.set(host, json);
  }
  return json;
}
