import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { OutputStore } from '../output/output-store.ts';
import { PlainText } from './plain-text.ts';

/** Where the text goes: a vscode.OutputChannel, as far as it is needed here. */
export interface TextSink {
  append(text: string): void;
}

/** Bytes of a run that a channel shows at the most; a channel that is flooded freezes the window. */
export const CHANNEL_CAP = 10 * 1024 * 1024;
/** Bytes that are handed over at once, and the milliseconds between two times. */
const BATCH_BYTES = 128 * 1024;
const BATCH_MS = 100;

export interface OutputTailOptions {
  readonly locale: Locale;
  readonly cap?: number;
  readonly batchMs?: number;
  /** Everything that there is, or that may be shown, has been written. */
  readonly onEnd?: () => void;
}

/** Writes a run's output to a channel as it comes: in batches, without control sequences, up to a cap. */
export class OutputTail extends Disposable {
  readonly #output: OutputStore;
  readonly #sink: TextSink;
  readonly #options: OutputTailOptions;
  readonly #text = new PlainText();
  readonly #cap: number;
  #offset = 0;
  /** Where the file was cut back to, below what was read of it. */
  #cutTo: number | undefined;
  #shown = 0;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #ended = false;
  #paused = false;
  #endsWithLine = true;

  constructor(output: OutputStore, sink: TextSink, options: OutputTailOptions) {
    super();
    this.#output = output;
    this.#sink = sink;
    this.#options = options;
    this.#cap = options.cap ?? CHANNEL_CAP;
    this.own(output.onDidAppend(() => this.#schedule()));
    this.own(
      output.onDidCut(to => {
        if (to < this.#offset) this.#cutTo = Math.min(to, this.#cutTo ?? to);
      }),
    );
    this.#schedule();
  }

  /** Writes nothing for now. */
  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#endsWithLine) this.#write('\n');
  }

  /** Goes on where it was. */
  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  override dispose(): void {
    clearTimeout(this.#timer);
    super.dispose();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#reading || this.#ended || this.#paused || this.isDisposed) return;
    this.#timer = setTimeout(() => void this.#pump(), this.#options.batchMs ?? BATCH_MS);
  }

  async #pump(): Promise<void> {
    this.#timer = undefined;
    this.#reading = true;
    try {
      await this.#writeNext();
    } catch {
      // the file went away with its session
      this.#ended = true;
    }
    this.#reading = false;
    if (this.#offset < this.#output.size || this.#output.ended || this.#cutTo !== undefined) this.#schedule();
  }

  async #writeNext(): Promise<void> {
    if (this.#cutTo !== undefined) this.#goBack(this.#cutTo);
    const { revision } = this.#output;
    const bytes = await this.#output.read(this.#offset, Math.min(BATCH_BYTES, this.#cap - this.#shown));
    if (this.isDisposed || this.#paused || revision !== this.#output.revision) return;
    this.#offset += bytes.length;
    this.#shown += bytes.length;
    this.#write(this.#text.push(bytes));
    if (this.#shown >= this.#cap && (this.#offset < this.#output.size || !this.#output.ended)) this.#stopAtCap();
    else if (this.#output.ended && this.#offset >= this.#output.size) this.#finish();
  }

  /** The host lost power and with it the end of its output: what follows continues from an earlier byte. */
  #goBack(to: number): void {
    this.#cutTo = undefined;
    this.#offset = to;
    this.#write(this.#text.end());
    this.#line(this.#options.locale.t('[the host lost the end of this output; it continues from an earlier point]'));
  }

  #stopAtCap(): void {
    this.#write(this.#text.end());
    const megabytes = Math.round(this.#cap / 1024 / 1024);
    this.#line(this.#options.locale.t('[more than {0} MB; all of it is in {1}]', megabytes, this.#output.path));
    this.#end();
  }

  #finish(): void {
    this.#write(this.#text.end());
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    if (!this.#endsWithLine) this.#write('\n');
    this.#options.onEnd?.();
  }

  #line(text: string): void {
    this.#write(`${this.#endsWithLine ? '' : '\n'}${text}\n`);
  }

  #write(text: string): void {
    if (text === '') return;
    this.#endsWithLine = text.endsWith('\n');
    this.#sink.append(text);
  }
}
