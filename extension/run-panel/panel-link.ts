import { neverBegan } from '../../protocol/index.ts';
import {
  dispatch,
  PANEL_LABELS,
  type FromPanel,
  type HandlersOf,
  type MessageOf,
  type PanelAction,
  type PanelLabels,
  type PanelOutput,
  type PanelRow,
  type PanelView,
  type PlaceView,
  type ToPanel,
} from '../../protocol/panel.ts';
import { Disposable, toDisposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import { messageOf } from '../base/log.ts';
import type { RunSession } from '../runs/run-session.ts';
import { HostClock } from './host-clock.ts';
import { changedSections } from './panel-delta.ts';
import { PanelFind } from './panel-find.ts';
import { parseFromPanel } from './panel-messages.ts';
import { panelView } from './panel-view.ts';
import type { PanelOutage } from './run-source.ts';

/** The page at the other end. */
export interface PanelPort {
  /** Resolves when the page has it, to false when there is no page to have it. */
  post(message: MessageOf<ToPanel>): PromiseLike<boolean>;
}

/** A place in the workspace that the panel shows. */
export interface PanelPlace extends PlaceView {
  readonly open: () => void;
}

/** What this window's workspace has to do with a run. */
export interface PanelWorkspace {
  /** Whether there is a nixcfg that a lock can be taken over to. */
  readonly hasNixcfg: boolean;
  /** It came or went. */
  readonly onDidChange: Event<unknown>;
  /** Where the errors in these lines of a run's output are. */
  placesOf(lines: readonly string[], checkout: string | undefined): Promise<readonly PanelPlace[]>;
}

/** A window without nixcfg. */
export const NO_WORKSPACE: PanelWorkspace = {
  hasNixcfg: false,
  onDidChange: () => ({ dispose: () => undefined }),
  placesOf: () => Promise.resolve([]),
};

export interface PanelLinkOptions {
  readonly session: RunSession;
  readonly port: PanelPort;
  readonly locale: Locale;
  readonly now: () => number;
  readonly isOnline: (host: string) => boolean | undefined;
  /** Why this window hears nothing of any run just now; undefined while it does. */
  readonly outage: () => PanelOutage | undefined;
  /** Something that `isOnline` or `outage` says may be otherwise. */
  readonly onDidChangeHosts: Event<unknown>;
  readonly workspace: PanelWorkspace;
  readonly act: (action: PanelAction) => void;
  /** Only for https links that the panel shows. */
  readonly openLink: (url: string) => void;
  readonly warn: (message: string) => void;
  /** Does something after so many ms; what it returns takes that back. A timer, where it is not said. */
  readonly later?: (run: () => void, ms: number) => () => void;
}

/** Milliseconds between posts: a frame of the screen. */
const FRAME_MS = 16;

/**
 * Keeps a page in step with a run. Posts nothing before the page is ready nor while it is hidden; then everything, and
 * from there on what changed: one post a frame at most, and none before the page has the one before. So a page that is
 * slow gets fewer and larger steps, never a queue.
 */
export class PanelLink extends Disposable {
  readonly #options: PanelLinkOptions;
  readonly #clock = new HostClock();
  readonly #handlers: HandlersOf<FromPanel>;
  readonly #find: PanelFind;
  /** A page that is ready. Another object for each: nothing waits for, or is taken for, what was meant for an earlier one. */
  #page: { posting: boolean } | undefined;
  #shownView: PanelView | undefined;
  #shownOutput = '';
  #follow = 0;
  #viewIsOld = true;
  #outputIsOld = true;
  #unschedule: (() => void) | undefined;
  #lastPost = -Infinity;
  #places: readonly PanelPlace[] = [];
  #lookedForPlaces = false;

  constructor(options: PanelLinkOptions) {
    super();
    this.#options = options;
    const { session, onDidChangeHosts, workspace, port, warn, later = afterTime } = options;
    this.#find = this.own(
      new PanelFind({
        output: session.output,
        show: found => void port.post({ type: 'found', ...found }),
        warn,
        later,
      }),
    );
    this.#handlers = {
      ready: () => this.#ready(),
      rows: message => void this.#sendRows(message),
      follow: ({ rows }) => this.#setFollow(rows),
      find: message => this.#page && this.#find.find(message),
      'find-step': message => this.#find.step(message),
      action: ({ action }) => this.#act(action),
      'open-link': ({ url }) => this.#openLink(url),
      'open-place': ({ index }) => this.#places[index]?.open(),
      trouble: ({ message }) => warn(`the run panel: ${message}`),
    };
    const viewChanged = (): void => {
      this.#viewIsOld = true;
      this.#outputIsOld = true;
      this.#schedule();
      void this.#findPlaces();
    };
    this.own(session.onDidChange(viewChanged));
    this.own(onDidChangeHosts(viewChanged));
    this.own(workspace.onDidChange(viewChanged));
    this.own(
      session.output.onDidAppend(() => {
        this.#outputIsOld = true;
        this.#schedule();
      }),
    );
    this.own(toDisposable(() => this.hide()));
  }

  /** Takes what a page said. */
  receive(message: unknown): void {
    const parsed = parseFromPanel(message);
    if (parsed) dispatch(this.#handlers, parsed);
    else this.#options.warn('the run panel said something that is no message');
  }

  /** The page is gone or not to be seen: nothing is posted until one says that it is ready. */
  hide(): void {
    this.#page = undefined;
    this.#find.stop();
    this.#shownView = undefined;
    this.#follow = 0;
    this.#unschedule?.();
    this.#unschedule = undefined;
  }

  #ready(): void {
    this.hide();
    this.#page = { posting: false };
    this.#viewIsOld = true;
    this.#outputIsOld = true;
    this.#schedule();
    void this.#findPlaces();
  }

  #setFollow(rows: number): void {
    if (rows > this.#follow) this.#outputIsOld = true;
    this.#follow = rows;
    this.#schedule();
  }

  #act(action: PanelAction): void {
    // a click that crossed with the change that took the button away
    if (this.#shownView?.actions.includes(action)) this.#options.act(action);
  }

  #openLink(url: string): void {
    if (this.#shownView && linksOf(this.#shownView).includes(url)) this.#options.openLink(url);
    else this.#options.warn('the run panel wanted to open a link that it does not show');
  }

  /** Looks once where the errors of a run that failed are in the workspace, when there is one to look at. */
  async #findPlaces(): Promise<void> {
    const { session, workspace, warn } = this.#options;
    const { end, host } = session.state;
    if (this.#lookedForPlaces || !workspace.hasNixcfg || !end?.lastLines) return;
    this.#lookedForPlaces = true;
    try {
      this.#places = await workspace.placesOf(end.lastLines, host?.nixcfg);
    } catch (error) {
      warn(`errors cannot be looked up in the workspace: ${messageOf(error)}`);
    }
    if (this.#places.length === 0) return;
    this.#viewIsOld = true;
    this.#schedule();
  }

  #schedule(): void {
    if (
      this.isDisposed ||
      !this.#page ||
      this.#page.posting ||
      this.#unschedule ||
      !(this.#viewIsOld || this.#outputIsOld)
    )
      return;
    const wait = Math.max(0, this.#lastPost + FRAME_MS - performance.now());
    this.#unschedule = (this.#options.later ?? afterTime)(() => {
      this.#unschedule = undefined;
      void this.#post();
    }, wait);
  }

  async #post(): Promise<void> {
    const page = this.#page;
    if (!page) return;
    page.posting = true;
    try {
      const output = this.#outputIsOld ? await this.#output() : null;
      if (page !== this.#page) return;
      const message = this.#nextMessage(output);
      if (!message) return;
      this.#lastPost = performance.now();
      const arrived = await this.#options.port.post(message);
      if (!arrived && page === this.#page) this.hide();
    } catch (error) {
      this.#options.warn(`the run panel cannot be shown: ${messageOf(error)}`);
    } finally {
      page.posting = false;
      this.#schedule();
    }
  }

  #nextMessage(output: PanelOutput | null): MessageOf<ToPanel> | undefined {
    const now = this.#options.now();
    const shown = this.#shownView;
    const view = this.#viewIsOld || !shown ? this.#view() : shown;
    this.#shownView = view;
    this.#viewIsOld = false;
    const text = output && JSON.stringify(output);
    const newOutput = text === this.#shownOutput ? null : output;
    if (text !== null) this.#shownOutput = text;
    if (!shown && output) return { type: 'snapshot', labels: labelsIn(this.#options.locale), view, output, now };
    const change = shown && changedSections(shown, view);
    return change || newOutput ? { type: 'delta', view: change ?? {}, output: newOutput, now } : undefined;
  }

  #view(): PanelView {
    const { session, locale, isOnline, outage, now, workspace } = this.#options;
    const { runId, summary, state, lockBefore, lockAfter, gone, problem } = session;
    const host = session.host === '' ? runId : session.host;
    const latest = [
      state.phases.at(-1)?.startedAt,
      state.steps.at(-1)?.startedAt,
      state.end?.at,
      state.cancelAsked?.at,
    ];
    for (const at of latest) if (at !== undefined) this.#clock.received(at, now());
    const begun = state.phases[0]?.startedAt;
    if (begun !== undefined && summary) this.#clock.answered(begun, summary.requestedAt);
    const source = { runId, host, summary, state, lockBefore, lockAfter, gone, problem };
    return panelView(
      {
        ...source,
        places: this.#places,
        hasNixcfg: workspace.hasNixcfg,
        online: isOnline(session.host),
        outage: outage(),
        clockAhead: this.#clock.ahead,
      },
      locale,
    );
  }

  async #output(): Promise<PanelOutput> {
    const { output, summary } = this.#options.session;
    // a run that never began has no stream that could end
    const isNone = summary !== undefined && neverBegan(summary);
    this.#outputIsOld = false;
    for (;;) {
      const { revision, rowCount, ended, failure } = output;
      const from = Math.max(0, rowCount - this.#follow);
      const rows = this.#follow > 0 ? await output.rows(from, rowCount - from) : [];
      if (revision !== output.revision) continue;
      const tail = this.#follow > 0 ? { from, rows } : null;
      return { revision, rowCount, ended: ended || isNone, failure: failure ? messageOf(failure) : null, tail };
    }
  }

  async #sendRows({ request, from, count }: FromPanel['rows']): Promise<void> {
    const page = this.#page;
    if (!page) return;
    const { session, port, warn } = this.#options;
    let rows: readonly PanelRow[] = [];
    let { revision } = session.output;
    try {
      do {
        ({ revision } = session.output);
        rows = await session.output.rows(from, count);
      } while (revision !== session.output.revision);
    } catch (error) {
      if (this.isDisposed) return;
      warn(`rows of the output cannot be read: ${messageOf(error)}`);
    }
    if (page === this.#page) await port.post({ type: 'rows', request, revision, from, rows });
  }
}

/** The links that a view has. */
function linksOf({ lock, commits }: PanelView): readonly (string | null)[] {
  const inLock = lock.kind === 'changed' ? lock.rows.map(({ link }) => link) : [];
  return commits ? [...inLock, commits.link, ...commits.commits.map(({ link }) => link)] : inLock;
}

function afterTime(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function labelsIn(locale: Locale): PanelLabels {
  const entries = Object.entries(PANEL_LABELS).map(([key, label]) => [key, locale.t(label)]);
  return Object.fromEntries(entries) as PanelLabels;
}
