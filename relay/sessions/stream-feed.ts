import { encodeFrame, type Position, type RunId, type StreamName } from '../../protocol/index.ts';
import type { Backbone, RunNews } from '../backbone/backbone.ts';
import { endedWithoutHost } from '../runs/delivery.ts';
import { FrameRooms } from './frame-rooms.ts';
import type { PumpLink, Source } from './pump.ts';

type FrameNews = Extract<RunNews, { kind: 'frame' }>;

export interface FeedLink extends PumpLink {
  /** @param sent is called when nobody looks at the data any more */
  sendBytes(data: Uint8Array, sent?: () => void): void;
  sendText(text: string): void;
}

export interface StreamFeedOptions {
  readonly backbone: Backbone;
  readonly link: FeedLink;
  readonly runId: RunId;
  readonly stream: StreamName;
  /** How far the viewer has got. */
  readonly from: Position;
  /** The feed has something to send and waits for its step. */
  readonly poke: (feed: Source) => void;
  readonly onSent: (from: 'live' | 'disk') => void;
}

/** Of all feeds together: what one has sent the next can use. */
const rooms = new FrameRooms();

/**
 * One stream on its way to one viewer. It reads from disk until it has sent all there is, then passes live frames on as
 * they come. Whenever a frame cannot be passed on (the viewer has no room, or is not where the frame begins) it goes back
 * to reading from disk, so nothing is ever queued for a viewer but what its socket holds.
 */
export class StreamFeed implements Source {
  readonly #options: StreamFeedOptions;
  #at: Position;
  #endSent = false;
  /** Whether it had all there was when it last looked, and waits for what comes. */
  #live = false;

  constructor(options: StreamFeedOptions) {
    this.#options = options;
    this.#at = options.from;
  }

  onFrame(news: FrameNews): void {
    const { link, poke, onSent } = this.#options;
    const { epoch, offset } = this.#at;
    if (this.#live && !link.isCongested && news.at.epoch === epoch && news.at.offset === offset) {
      link.sendBytes(news.data);
      onSent('live');
      this.#at = news.next;
      this.#endSent = news.end;
      return;
    }
    this.#live = false;
    poke(this);
  }

  async step(): Promise<boolean> {
    const { backbone, link, runId, stream, onSent } = this.#options;
    this.#live = false;
    const room = rooms.take();
    const read = await backbone.readFrame(runId, stream, this.#at, room);
    if (read.kind !== 'frame') rooms.giveBack(room);
    if (read.kind === 'unknown-run') return this.gone();
    if (read.kind === 'frame') {
      link.sendBytes(read.data, () => rooms.giveBack(room));
      onSent('disk');
      this.#at = read.next;
      this.#endSent = read.end;
      return true;
    }
    if (read.at.epoch > this.#at.epoch || (read.ended && !this.#endSent)) {
      // a cut or an end without bytes: the viewer must know of it all the same
      const { at, ended: end } = read;
      link.sendBytes(encodeFrame({ runId, stream, at, time: 0, end, bytes: new Uint8Array() }));
      this.#endSent = end;
    }
    this.#at = read.at;
    if (!read.ended && (await this.#willNeverEnd())) return this.gone();
    // for news that came while this was read there was a poke: it is on disk by now, and read in the next step
    this.#live = true;
    return false;
  }

  /** Tells the viewer that there will be nothing more. */
  gone(): false {
    const { link, runId, stream } = this.#options;
    link.sendText(JSON.stringify({ type: 'stream-gone', runId, stream }));
    return false;
  }

  async #willNeverEnd(): Promise<boolean> {
    const record = await this.#options.backbone.run(this.#options.runId);
    return record !== undefined && endedWithoutHost(record.summary);
  }
}
