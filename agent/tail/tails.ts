/**
 * Every run that the relay follows over one connection. Comes in with the welcome and goes with the link: positions are
 * the relay's, and it names them anew each time.
 */
import type { Logger } from 'pino';
import { FRAME_GATHER_MS, type RunId, type ToAgentMessage } from '../../protocol/index.ts';
import { runPaths } from '../run-directory/layout.ts';
import { FolderWatch } from './folder-watch.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { Pump, type Sink } from './pump.ts';
import { RunTail } from './run-tail.ts';

type Resume = Extract<ToAgentMessage, { type: 'resume' }>;
type Rewind = Extract<ToAgentMessage, { type: 'rewind' }>;

/** How often a run directory is looked into without being told of a change, milliseconds. */
const POLL = 1000;

/** Milliseconds in which what the runner writes at once is noticed. It has gathered already; doing it again would make it late. */
const TOGETHER = 2;

export class Tails implements Disposable {
  readonly #stateDir: string;
  readonly #log: Logger;
  readonly #pump: Pump;
  readonly #buffers = new FrameBuffers();
  readonly #tails = new Map<RunId, { readonly tail: RunTail; readonly watch: FolderWatch }>();
  readonly #tellsProgress: boolean;
  #ended = false;

  /** @param tellsProgress the relay wants to know how far builds are */
  constructor(stateDir: string, sink: Sink, log: Logger, tellsProgress = false) {
    this.#tellsProgress = tellsProgress;
    this.#stateDir = stateDir;
    this.#log = log;
    this.#pump = new Pump(sink, (source, error) => {
      if (!(source instanceof RunTail)) return;
      log.error(`run ${source.runId} cannot be read any further: ${(error as Error).message}`);
      this.#stop(source.runId);
    });
  }

  /** Nothing once the link is lost: who asked for it may have looked for the run meanwhile. */
  resume(message: Resume): void {
    if (this.#ended) return;
    this.#stop(message.runId);
    const { runId, afterSeq, streams } = message;
    const tail = new RunTail(this.#stateDir, runId, afterSeq, streams, this.#buffers, this.#tellsProgress);
    const watch = new FolderWatch(
      runPaths(this.#stateDir, message.runId).dir,
      { gather: FRAME_GATHER_MS, soon: TOGETHER, poll: POLL },
      () => this.#changed(tail),
    );
    this.#tails.set(message.runId, { tail, watch });
    this.#pump.wake(tail);
  }

  /** A rewind of a run that was sent whole follows it again. */
  rewind(message: Rewind): void {
    const tail = this.#tails.get(message.runId)?.tail;
    if (!tail) {
      const streams = { [message.stream]: message.to };
      this.resume({ type: 'resume', runId: message.runId, afterSeq: Number.MAX_SAFE_INTEGER, streams });
      return;
    }
    tail.rewind(message.stream, message.to);
    tail.refresh();
    this.#pump.wake(tail);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#pump.stop();
    for (const { watch } of this.#tails.values()) watch[Symbol.dispose]();
    this.#tails.clear();
  }

  #changed(tail: RunTail): void {
    if (tail.isDone) {
      this.#stop(tail.runId);
      return;
    }
    if (tail.damage !== undefined) this.#log.debug(`the journal of run ${tail.runId} is damaged: ${tail.damage}`);
    tail.refresh();
    this.#pump.wake(tail);
  }

  #stop(runId: RunId): void {
    const followed = this.#tails.get(runId);
    if (!followed) return;
    followed.watch[Symbol.dispose]();
    this.#pump.remove(followed.tail);
    this.#tails.delete(runId);
  }
}
