/** `nixfleet: update HOST` as a task: for key bindings, tasks.json, and the Problems view. */
import * as vscode from 'vscode';
import { isOver, neverBegan, type RunId, type RunSummary } from '../../protocol/index.ts';
import { nextValue } from '../base/event.ts';
import { messageOf } from '../base/log.ts';
import { withReason } from '../base/words.ts';
import { OutputTail } from '../channel/output-tail.ts';
import type { RunSession } from '../runs/run-session.ts';
import { outcomeText } from '../updates/outcome-words.ts';
import type { ErrorPlace, NixcfgServices } from './features-api.ts';

export const TASK_TYPE = 'nixfleet';
/** The problem matcher of package.json that knows the lines that a task ends with. */
const MATCHER = '$nixfleet-run';

interface UpdateTaskDefinition extends vscode.TaskDefinition {
  readonly host: string;
}

export type FindPlaces = (lines: readonly string[], checkout: string | undefined) => Promise<readonly ErrorPlace[]>;

export class UpdateTasks implements vscode.TaskProvider {
  readonly #services: NixcfgServices;
  readonly #findPlaces: FindPlaces;

  constructor(services: NixcfgServices, findPlaces: FindPlaces) {
    this.#services = services;
    this.#findPlaces = findPlaces;
  }

  provideTasks(): vscode.Task[] {
    const hosts = [...this.#services.fleet.fleet.hosts.keys()].sort();
    return hosts.map(host => this.#task({ type: TASK_TYPE, host }));
  }

  /** A task of tasks.json, which may name a host that is not there yet. */
  resolveTask({ definition }: vscode.Task): vscode.Task | undefined {
    return typeof definition['host'] === 'string' ? this.#task(definition as UpdateTaskDefinition) : undefined;
  }

  #task(definition: UpdateTaskDefinition): vscode.Task {
    const { t } = this.#services.locale;
    const { host } = definition;
    const execution = new vscode.CustomExecution(() =>
      Promise.resolve(new UpdateTerminal(host, this.#services, this.#findPlaces)),
    );
    const task = new vscode.Task(
      definition,
      vscode.TaskScope.Workspace,
      t('update {0}', host),
      TASK_TYPE,
      execution,
      MATCHER,
    );
    task.detail = t('Updates the agent on {0}, as Update Agent does.', host);
    return task;
  }
}

/** Phases in which the host is being switched: that is cancelled in the run panel, which asks first. */
const SWITCHING = ['activating', 'confirming', 'committing'];

/**
 * Milliseconds between the last line and the end of the terminal. From there on VS Code looks for problems for 100 ms only,
 * which is not enough where the window is busy.
 */
const LAST_WORDS = 1_000;

/** Shows a run in the terminal of a task, from the request to the outcome. */
class UpdateTerminal implements vscode.Pseudoterminal {
  readonly #host: string;
  readonly #services: NixcfgServices;
  readonly #findPlaces: FindPlaces;
  readonly #written = new vscode.EventEmitter<string>();
  readonly #closed = new vscode.EventEmitter<number>();
  readonly #ended = new AbortController();
  #runId: RunId | undefined;

  readonly onDidWrite = this.#written.event;
  readonly onDidClose = this.#closed.event;

  constructor(host: string, services: NixcfgServices, findPlaces: FindPlaces) {
    this.#host = host;
    this.#services = services;
    this.#findPlaces = findPlaces;
  }

  open(): void {
    void this.#run()
      .catch((error: unknown) => {
        if (!this.#ended.signal.aborted) this.#line(messageOf(error));
        return 1;
      })
      .then(code => setTimeout(() => this.#closed.fire(code), LAST_WORDS));
  }

  /** The task was ended, or its terminal closed. */
  close(): void {
    this.#cancel();
    this.#ended.abort();
  }

  handleInput(input: string): void {
    if (input === '\u0003') this.#cancel();
  }

  #cancel(): void {
    const run = this.#runId && this.#services.fleet.run(this.#runId);
    if (run && !isOver(run) && !SWITCHING.includes(run.phase)) this.#services.cancelUpdate(run.runId);
  }

  async #run(): Promise<number> {
    const { askForUpdate, sessions, locale } = this.#services;
    const asked = await askForUpdate(this.#host);
    if (!asked.ok) {
      this.#line(withReason(locale.t('NixFleet could not update {0}.', this.#host), asked.reason, locale));
      return 1;
    }
    this.#runId = asked.runId;
    const session = await sessions.open(asked.runId);
    try {
      const run = await this.#follow(session);
      for (const place of await this.#places(session)) this.#line(problemLine(place));
      this.#line(outcomeText(run, locale).text);
      return run.outcome === 'succeeded' ? 0 : 1;
    } finally {
      session.dispose();
    }
  }

  /** Writes the output as it comes; resolves when the run is over and all of it is written. */
  async #follow(session: RunSession): Promise<RunSummary> {
    const { locale } = this.#services;
    const seen: { written: boolean } = { written: false };
    const noted = new vscode.EventEmitter<void>();
    const tail = new OutputTail(
      session.output,
      { append: text => this.#write(text) },
      {
        locale,
        onEnd: () => {
          seen.written = true;
          noted.fire();
        },
      },
    );
    const listening = session.onDidChange(() => noted.fire());
    try {
      for (;;) {
        const { summary, state, gone } = session;
        const isWhole = seen.written && state.end !== undefined;
        if (summary && isOver(summary) && (isWhole || gone || neverBegan(summary))) return summary;
        await nextValue(noted.event, () => true, this.#ended.signal);
      }
    } finally {
      listening.dispose();
      tail.dispose();
      noted.dispose();
    }
  }

  async #places({ state }: RunSession): Promise<readonly ErrorPlace[]> {
    const lines = state.end?.lastLines ?? [];
    return lines.length === 0 ? [] : this.#findPlaces(lines, state.host?.nixcfg);
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }

  #write(text: string): void {
    this.#written.fire(text.replace(/\r?\n/g, '\r\n'));
  }
}

/** As the problem matcher reads it: `/home/ana/nixcfg/hosts/web.nix:4:18: error: attribute 'x' missing`. */
export function problemLine({ uri, line, column, message }: ErrorPlace): string {
  return `${uri.fsPath}:${line}:${column}: error: ${message}`;
}
