/**
 * One output channel a host, made when there is something to show in it, with the output of the runs that this window
 * follows.
 */
import * as vscode from 'vscode';
import { isOver, neverBegan, type RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { messageOf, type Log } from '../base/log.ts';
import { outcomeText } from '../updates/outcome-words.ts';
import type { RunSession, RunSessionSource } from '../runs/run-session.ts';
import { OutputTail } from './output-tail.ts';

export class HostChannels extends Disposable {
  readonly #sessions: RunSessionSource;
  readonly #locale: Locale;
  readonly #log: Log;
  readonly #channels = new Map<string, vscode.OutputChannel>();
  readonly #followed = new Set<RunId>();

  constructor(sessions: RunSessionSource, locale: Locale, log: Log) {
    super();
    this.#sessions = sessions;
    this.#locale = locale;
    this.#log = log;
  }

  /** Writes a run's output to its host's channel, from the beginning and while it goes on. Once, however often it is asked. */
  follow(host: string, runId: RunId): void {
    if (this.#followed.has(runId)) return;
    this.#followed.add(runId);
    this.#sessions.open(runId).then(
      session => this.#tail(host, this.own(session)),
      (error: unknown) => {
        this.#followed.delete(runId);
        this.#log.error(`output of ${host}: ${messageOf(error)}`);
      },
    );
  }

  show(host: string): void {
    this.#channel(host).show(true);
  }

  #tail(host: string, session: RunSession): void {
    if (this.isDisposed) return;
    const channel = this.#channel(host);
    const { t } = this.#locale;
    const { summary } = session;
    const by = summary?.requestedBy ?? '';
    const at = new Date(summary?.requestedAt ?? Date.now()).toLocaleString(this.#locale.language);
    channel.appendLine(t('── Update Agent on {0}, asked by {1}, {2} ──', host, by, at));
    let written = false;
    const finish = (): void => {
      const { summary: last } = session;
      if (!last || !isOver(last) || !(written || neverBegan(last))) return;
      channel.appendLine(`── ${outcomeText(last, this.#locale).text} ──`);
      channel.appendLine('');
      this.release(listener);
      this.release(tail);
      this.release(session);
    };
    const onEnd = (): void => {
      written = true;
      finish();
    };
    const listener = this.own(session.onDidChange(finish));
    const tail = this.own(new OutputTail(session.output, channel, { locale: this.#locale, onEnd }));
  }

  #channel(host: string): vscode.OutputChannel {
    let channel = this.#channels.get(host);
    if (!channel) {
      channel = this.own(vscode.window.createOutputChannel(`NixFleet: ${host}`));
      this.#channels.set(host, channel);
    }
    return channel;
  }
}
