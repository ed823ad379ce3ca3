/**
 * One output channel a host, made when there is something to show in it, with the output of the runs that this window
 * follows.
 */
import * as vscode from 'vscode';
import type { RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import { messageOf, type Log } from '../base/log.ts';
import type { RunSessionSource } from '../runs/run-session.ts';
import { HostOutput } from './host-output.ts';

interface HostChannel {
  readonly channel: vscode.OutputChannel;
  readonly output: HostOutput;
}

export class HostChannels extends Disposable {
  readonly #sessions: RunSessionSource;
  readonly #locale: Locale;
  readonly #log: Log;
  readonly #channels = new Map<string, HostChannel>();
  /** Runs that are in their host's channel, or on their way there. */
  readonly #followed = new Map<RunId, string>();

  constructor(sessions: RunSessionSource, locale: Locale, log: Log) {
    super();
    this.#sessions = sessions;
    this.#locale = locale;
    this.#log = log;
  }

  /**
   * Writes a run's output to its host's channel, from the beginning and while it goes on. Once, however often it is asked,
   * as long as it stands there.
   */
  follow(host: string, runId: RunId): void {
    if (this.#followed.has(runId)) return;
    this.#followed.set(runId, host);
    this.#sessions.open(runId).then(
      session => {
        if (this.isDisposed) {
          session.dispose();
          return;
        }
        this.#channel(host).output.follow(session);
        this.#followed.set(runId, host);
      },
      (error: unknown) => {
        this.#followed.delete(runId);
        this.#log.error(`output of ${host}: ${messageOf(error)}`);
      },
    );
  }

  show(host: string): void {
    this.#channel(host).channel.show(true);
  }

  #channel(host: string): HostChannel {
    let entry = this.#channels.get(host);
    if (!entry) {
      const channel = this.own(vscode.window.createOutputChannel(`NixFleet: ${host}`));
      const sink = {
        append: (text: string) => channel.append(text),
        clear: () => {
          channel.clear();
          for (const [runId, of] of this.#followed) if (of === host) this.#followed.delete(runId);
        },
      };
      entry = { channel, output: this.own(new HostOutput(host, sink, this.#locale)) };
      this.#channels.set(host, entry);
    }
    return entry;
  }
}
