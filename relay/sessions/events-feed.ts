import type { RunId } from '../../protocol/index.ts';
import type { Backbone, StoredEvent } from '../backbone/backbone.ts';
import type { FeedLink } from './stream-feed.ts';
import type { Source } from './pump.ts';

/** Bytes of JSON in one message of events from disk, about. */
const PAGE_BYTES = 256 * 1024;

export interface EventsFeedOptions {
  readonly backbone: Backbone;
  readonly link: FeedLink;
  readonly runId: RunId;
  /** The number of the last event that the viewer has. */
  readonly afterSeq: number;
  readonly poke: (feed: Source) => void;
}

/** The events of one run on their way to one viewer; see `StreamFeed`. */
export class EventsFeed implements Source {
  readonly #options: EventsFeedOptions;
  #seq: number;
  #live = false;

  constructor(options: EventsFeedOptions) {
    this.#options = options;
    this.#seq = options.afterSeq;
  }

  onEvents(events: readonly StoredEvent[]): void {
    const { link, poke } = this.#options;
    if (this.#live && !link.isCongested && events[0]?.seq === this.#seq + 1) {
      this.#send(events);
      return;
    }
    this.#live = false;
    poke(this);
  }

  async step(): Promise<boolean> {
    const { backbone, runId } = this.#options;
    this.#live = false;
    const events = await backbone.readEvents(runId, this.#seq, PAGE_BYTES);
    if (events.length > 0) {
      this.#send(events);
      return true;
    }
    this.#live = true;
    return false;
  }

  #send(events: readonly StoredEvent[]): void {
    const { link, runId } = this.#options;
    link.sendText(eventsMessage(runId, events));
    this.#seq = events.at(-1)?.seq ?? this.#seq;
  }
}

/** Live events go to many viewers and are written once. */
const written = new WeakMap<readonly StoredEvent[], string>();

/** The message `events`, put together from events that are JSON already. */
function eventsMessage(runId: RunId, events: readonly StoredEvent[]): string {
  let text = written.get(events);
  if (text === undefined) {
    text = `{"type":"events","runId":"${runId}","events":[${events.map(({ json }) => json).join()}]}`;
    written.set(events, text);
  }
  return text;
}
