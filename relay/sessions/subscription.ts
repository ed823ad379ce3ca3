import type { RunId, StreamName, StreamPositions } from '../../protocol/index.ts';
import type { Backbone, RunNews, Unwatch } from '../backbone/backbone.ts';
import { EventsFeed } from './events-feed.ts';
import { StreamFeed, type FeedLink } from './stream-feed.ts';
import type { Pump } from './pump.ts';

export interface SubscriptionOptions {
  readonly backbone: Backbone;
  readonly link: FeedLink;
  readonly pump: Pump;
  readonly runId: RunId;
  readonly afterSeq: number;
  readonly streams: StreamPositions;
  readonly onSent: (from: 'live' | 'disk') => void;
}

/** One operator watches one run. */
export class Subscription {
  readonly #pump: Pump;
  readonly #events: EventsFeed;
  readonly #streams: ReadonlyMap<StreamName, StreamFeed>;
  readonly #unwatch: Unwatch;

  constructor({ backbone, link, pump, runId, afterSeq, streams, onSent }: SubscriptionOptions) {
    this.#pump = pump;
    const poke = pump.poke.bind(pump);
    this.#events = new EventsFeed({ backbone, link, runId, afterSeq, poke });
    this.#streams = new Map(
      (Object.keys(streams) as StreamName[]).flatMap(stream => {
        const from = streams[stream];
        return from ? [[stream, new StreamFeed({ backbone, link, runId, stream, from, poke, onSent })] as const] : [];
      }),
    );
    // first watch, then read: see the backbone
    this.#unwatch = backbone.watchRun(runId, news => this.#onNews(news));
    pump.poke(this.#events);
    for (const feed of this.#streams.values()) pump.poke(feed);
  }

  close(): void {
    this.#unwatch();
    this.#pump.drop(this.#events);
    for (const feed of this.#streams.values()) this.#pump.drop(feed);
  }

  #onNews(news: RunNews): void {
    switch (news.kind) {
      case 'events': {
        this.#events.onEvents(news.events);
        return;
      }
      case 'frame':
        return this.#streams.get(news.stream)?.onFrame(news);
      case 'cancel-answered':
        return;
      case 'removed':
        this.close();
        for (const feed of this.#streams.values()) feed.gone();
    }
  }
}
