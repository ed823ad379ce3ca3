import { isOver, neverBegan } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { RunSession } from '../runs/run-session.ts';
import { outcomeText } from '../updates/outcome-words.ts';
import { CHANNEL_CAP, OutputTail, type TextSink } from './output-tail.ts';

/** A channel that can be emptied: a vscode.OutputChannel, as far as it is needed here. */
export interface ChannelSink extends TextSink {
  clear(): void;
}

interface Writer {
  readonly heading: string;
  readonly tail: OutputTail;
}

/**
 * The runs of one host in its channel, each with a heading and its outcome. One run is written at a time: the one that was
 * asked for last, and when it is through the one before it goes on. What runs before have written goes once it is as much
 * as one run may write, so that the channel of a host that is updated every day does not grow for ever.
 */
export class HostOutput extends Disposable {
  readonly #host: string;
  readonly #sink: ChannelSink;
  readonly #locale: Locale;
  readonly #cap: number;
  /** The last of them writes. */
  #writers: readonly Writer[] = [];
  #written = 0;

  constructor(host: string, sink: ChannelSink, locale: Locale, cap = CHANNEL_CAP) {
    super();
    this.#host = host;
    this.#sink = sink;
    this.#locale = locale;
    this.#cap = cap;
  }

  /** Writes a run from its beginning and while it goes on, and owns its session. */
  follow(session: RunSession): void {
    this.own(session);
    if (this.isDisposed) return;
    if (this.#writers.length === 0 && this.#written >= this.#cap) {
      this.#sink.clear();
      this.#written = 0;
    }
    this.#writers.at(-1)?.tail.pause();
    const heading = this.#headingOf(session);
    this.#append(`── ${heading} ──\n`);
    let written = false;
    const finish = (): void => {
      const { summary } = session;
      if (!summary || !isOver(summary) || !(written || neverBegan(summary))) return;
      this.#through(writer, `── ${outcomeText(summary, this.#locale).text} ──\n\n`);
      this.release(listener);
      this.release(tail);
      this.release(session);
    };
    const onEnd = (): void => {
      written = true;
      finish();
    };
    const listener = this.own(session.onDidChange(finish));
    const sink = { append: (text: string) => this.#append(text) };
    const tail = this.own(new OutputTail(session.output, sink, { locale: this.#locale, cap: this.#cap, onEnd }));
    const writer = { heading, tail };
    this.#writers = [...this.#writers, writer];
  }

  #through(writer: Writer, lastWords: string): void {
    const wrote = this.#writers.at(-1) === writer;
    this.#writers = this.#writers.filter(other => other !== writer);
    const next = this.#writers.at(-1);
    this.#append(wrote ? lastWords : `── ${writer.heading} ──\n${lastWords}`);
    if (!next) return;
    this.#append(`── ${this.#locale.t('{0}: goes on', next.heading)} ──\n`);
    next.tail.resume();
  }

  #headingOf({ summary }: RunSession): string {
    const at = new Date(summary?.requestedAt ?? Date.now()).toLocaleString(this.#locale.language);
    return this.#locale.t('Update Agent on {0}, asked for by {1}, {2}', this.#host, summary?.requestedBy ?? '', at);
  }

  #append(text: string): void {
    this.#written += text.length;
    this.#sink.append(text);
  }
}
