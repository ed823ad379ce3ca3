/**
 * What the relay gets of one run: its events and streams from the positions it named, and on from there for as long as
 * the run goes on. Reads the run directory only, as the pump asks for it.
 */
import {
  MAX_EVENTS_PER_MESSAGE,
  type AgentMessage,
  type AnyRunEvent,
  type Position,
  type RunId,
  type StreamName,
  type StreamPositions,
} from '../../protocol/index.ts';
import { runPaths, streamPath } from '../run-directory/layout.ts';
import { readProgress } from '../run-directory/progress-file.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { JournalReader } from './journal-reader.ts';
import type { Piece, Source } from './pump.ts';
import { LockReader, OutputReader, type StreamReader } from './stream-reader.ts';

/** Characters of one `events` message, about; a relay takes a mebibyte. */
const MAX_EVENTS_LENGTH = 256 * 1024;

/** Milliseconds between two looks at how far a build is. */
const PROGRESS_LOOK = 500;

/** Which streams are whole, by what the journal says. */
interface Milestones {
  recorded: boolean;
  locked: boolean;
  ended: boolean;
}

/** What one turn brought. `again`: another turn may bring more at once. */
type Said = Omit<Piece, 'more'> & { readonly again: boolean };

export class RunTail implements Source {
  readonly #stateDir: string;
  readonly #runId: RunId;
  readonly #buffers: FrameBuffers;
  readonly #journal: JournalReader;
  readonly #milestones: Milestones = { recorded: false, locked: false, ended: false };
  /** What was read of the journal and not sent. */
  #events: AnyRunEvent[] = [];
  #afterSeq: number;
  readonly #streams = new Map<StreamName, StreamReader>();
  /** Who has something to say before the next wake; in turns. */
  readonly #turns = new Set<'events' | 'progress' | StreamName>();
  readonly #tellsProgress: boolean;
  #builds = false;
  #progress = '';
  #lookedAt = -Infinity;
  /** A piece is being read: its reader may say that it is done before anybody has the piece. */
  #reading = false;

  constructor(
    stateDir: string,
    runId: RunId,
    afterSeq: number,
    streams: StreamPositions,
    buffers = new FrameBuffers(),
    tellsProgress = false,
  ) {
    this.#tellsProgress = tellsProgress;
    this.#buffers = buffers;
    this.#stateDir = stateDir;
    this.#runId = runId;
    this.#journal = new JournalReader(runPaths(stateDir, runId).journal);
    this.#afterSeq = afterSeq;
    for (const [stream, from] of Object.entries(streams)) this.rewind(stream as StreamName, from);
    this.refresh();
  }

  get runId(): RunId {
    return this.#runId;
  }

  get damage(): string | undefined {
    return this.#journal.damage;
  }

  /** The run has ended and all of it was given out. */
  get isDone(): boolean {
    if (this.#reading) return false;
    const streams = [...this.#streams.values()];
    return this.#milestones.ended && this.#events.length === 0 && streams.every(stream => stream.isDone);
  }

  /** Something may have been written. */
  refresh(): void {
    for (const turn of ['events', ...this.#streams.keys()] as const) this.#turns.add(turn);
    if (this.#tellsProgress) this.#turns.add('progress');
  }

  /** Sends a stream from another position on. */
  rewind(stream: StreamName, from: Position): void {
    const paths = runPaths(this.#stateDir, this.#runId);
    const options = { buffers: this.#buffers, runId: this.#runId, path: streamPath(paths, stream), from };
    const done = this.#milestones;
    this.#streams.set(
      stream,
      stream === 'output'
        ? new OutputReader({ ...options, indexPath: paths.outputIndex, isComplete: () => done.ended })
        : new LockReader({
            ...options,
            stream,
            isComplete: () => done.ended || (stream === 'lock-before' ? done.recorded : done.locked),
          }),
    );
  }

  async next(): Promise<Piece | undefined> {
    this.#reading = true;
    try {
      return await this.#nextPiece();
    } finally {
      this.#reading = false;
    }
  }

  async #nextPiece(): Promise<Piece | undefined> {
    for (const turn of this.#turns) {
      this.#turns.delete(turn);
      const said =
        turn === 'events'
          ? await this.#nextEvents()
          : turn === 'progress'
            ? this.#nextProgress()
            : await this.#nextFrame(turn);
      if (!said) continue;
      const { again, ...piece } = said;
      if (again) this.#turns.add(turn);
      return { ...piece, more: this.#turns.size > 0 };
    }
    return undefined;
  }

  async #nextEvents(): Promise<Said | undefined> {
    while (this.#events.length === 0) {
      const read = await this.#journal.next();
      if (read.length === 0) return undefined;
      for (const event of read) this.#note(event);
      this.#events = read.filter(event => event.seq > this.#afterSeq);
    }
    const events: AnyRunEvent[] = [];
    let length = 0;
    for (const event of this.#events) {
      length += JSON.stringify(event).length;
      if (events.length === MAX_EVENTS_PER_MESSAGE || (events.length > 0 && length > MAX_EVENTS_LENGTH)) break;
      events.push(event);
    }
    this.#events = this.#events.slice(events.length);
    const message: AgentMessage = { type: 'events', runId: this.#runId, events };
    return { data: JSON.stringify(message), again: true };
  }

  async #nextFrame(stream: StreamName): Promise<Said | undefined> {
    const piece = await this.#streams.get(stream)?.next();
    return piece && { data: piece.frame, again: piece.more, release: piece.release };
  }

  /** How far the build is, if that is news. What was not told when there was no room is never told. */
  #nextProgress(): Said | undefined {
    if (!this.#builds || performance.now() - this.#lookedAt < PROGRESS_LOOK) return undefined;
    this.#lookedAt = performance.now();
    const progress = readProgress(runPaths(this.#stateDir, this.#runId).progress);
    const message: AgentMessage | undefined = progress && { type: 'progress', runId: this.#runId, progress };
    const data = message && JSON.stringify(message);
    if (data === undefined || data === this.#progress) return undefined;
    this.#progress = data;
    return { data, again: false };
  }

  #note(event: AnyRunEvent): void {
    if (event.type === 'phase') this.#builds = event['phase'] === 'building';
    if (event.type !== 'recorded' && event.type !== 'locked' && event.type !== 'ended') return;
    this.#milestones[event.type] = true;
    // a stream that had its turn already may have waited for this
    this.refresh();
  }
}
