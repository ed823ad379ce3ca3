/**
 * The words between the run panel (a webview) and the extension. Types and labels only, no library: each side checks
 * what comes in with schemas of its own, which must agree with these types or do not compile. Absent is `null`, so that
 * a delta can say that something is gone.
 *
 * The extension keeps the state and the output; the panel shows sections of a view and asks for rows. After `ready` (and
 * so after each reveal, because a hidden panel is thrown away) it gets a `snapshot`, then `delta`s.
 */
/** What the extension says to the panel. */
export interface ToPanel {
  /** Everything that is shown. `now` is the extension's clock; all times in the view are by that clock. */
  snapshot: {
    readonly labels: PanelLabels;
    readonly view: PanelView;
    readonly output: PanelOutput;
    readonly now: number;
  };
  /** The sections that changed. */
  delta: { readonly view: PanelViewChange; readonly output: PanelOutput | null; readonly now: number };
  /** The answer to `rows`: what the output holds from row `from` on, fewer at its end. */
  rows: {
    readonly request: number;
    readonly revision: number;
    readonly from: number;
    readonly rows: readonly PanelRow[];
  };
  /** How far the finding that `find` began has come; again whenever that changes. */
  found: PanelFound;
}

/** What the panel says to the extension. */
export interface FromPanel {
  /** The page listens. Nothing may be posted before. */
  ready: object;
  /** Rows of the output, {@link MAX_ROWS_PER_REQUEST} at the most. */
  rows: { readonly request: number; readonly from: number; readonly count: number };
  /** How many rows of the output's end each delta shall carry: those in view while the reader follows, else 0. */
  follow: { readonly rows: number };
  /**
   * From now on this text is looked for in the output, and nothing that was before; nothing at all when it is empty. The
   * first match to go to is one at or behind row `from`.
   */
  find: { readonly request: number; readonly text: string; readonly matchCase: boolean; readonly from: number };
  /** Goes to the next match or the one before, and from one end of the output to the other. */
  'find-step': { readonly request: number; readonly by: 1 | -1 };
  action: { readonly action: PanelAction };
  /** A link of the view was clicked. The extension opens it if the view has it. */
  'open-link': { readonly url: string };
  /** A place of the problem was clicked; which one, from 0. */
  'open-place': { readonly index: number };
  /** The page could not do something; for the extension's log. */
  trouble: { readonly message: string };
}

export const MAX_ROWS_PER_REQUEST = 500;
/** UTF-16 code units that can be looked for. */
export const MAX_FIND_TEXT = 1000;

/** A message of one side: its type and what belongs to it. */
export type MessageOf<M> = { [K in keyof M]: { readonly type: K } & M[K] }[keyof M];
/** One handler for each message; a missing one does not compile. */
export type HandlersOf<M> = { readonly [K in keyof M]: (message: M[K]) => void };

/** Hands a message to its handler. */
export function dispatch<M>(handlers: HandlersOf<M>, message: MessageOf<M>): void {
  handlers[message.type](message);
}

/** What the panel can ask the extension to do with the run. */
export const PANEL_ACTIONS = [
  'cancel',
  'retry',
  'retry-anyway',
  'open-diff',
  'use-lock',
  'open-output',
  'save-output',
] as const;
export type PanelAction = (typeof PANEL_ACTIONS)[number];

/** How something stands; shown as an icon, always beside words. */
export const MARKS = [
  'ahead',
  'waiting',
  'running',
  'done',
  'unchanged',
  'failed',
  'cancelled',
  'rolled-back',
  'attention',
  'skipped',
] as const;
export type Mark = (typeof MARKS)[number];

/** A panel's sections. Each is shown by itself and travels when it changed. */
export interface PanelView {
  readonly header: HeaderView;
  readonly stepper: readonly StepView[];
  /** How far the build is; null when none goes on. */
  readonly progress: ProgressView | null;
  /** What went wrong and what to do; null while nothing did. */
  readonly problem: ProblemView | null;
  /** Sentences: what went well enough but should be known. */
  readonly warnings: readonly string[];
  readonly lock: LockView;
  readonly commits: CommitsView | null;
  /** What the generations differ in; null while that is not known. */
  readonly packages: PackagesView | null;
  /** What is known about the host and its generations. */
  readonly facts: readonly FactView[];
  /** The programs that the run started. */
  readonly commands: readonly CommandView[];
  /** What makes sense now, in the order of the buttons. */
  readonly actions: readonly PanelAction[];
}
export type PanelViewChange = { readonly [K in keyof PanelView]?: PanelView[K] | undefined };

export interface HeaderView {
  readonly host: string;
  readonly mark: Mark;
  /** Where the run is or how it ended, in a few words. Said to screen readers when it changes. */
  readonly title: string;
  /** What state the host is in now, in a sentence. */
  readonly detail: string;
  readonly before: VersionView | null;
  /** The agent after the run; while it lasts, the one that was built. */
  readonly after: VersionView | null;
  readonly afterState: AfterState;
  /** Who asked, such as `Asked for by ana`. */
  readonly asked: string | null;
  readonly askedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When this window last heard of a run that may go on: there times stand still. Null while it hears of it. */
  readonly lastKnownAt: number | null;
}

/**
 * What is known of the agent after the run: nothing yet (`none`), that it was built (`planned`), that it runs
 * (`proven`), that it was not kept (`taken-back`), that it is the one from before (`same`), or that nobody can tell which
 * of them runs (`unsure`).
 */
export const AFTER_STATES = ['none', 'planned', 'proven', 'taken-back', 'same', 'unsure'] as const;
export type AfterState = (typeof AFTER_STATES)[number];

export interface VersionView {
  readonly version: string;
  readonly shortRev: string | null;
  /** In full, for the tooltip. */
  readonly title: string;
}

export interface StepView {
  /** Tells the steps apart. */
  readonly phase: string;
  readonly label: string;
  readonly mark: Mark;
  /** The mark in words, for those who do not see the icon. */
  readonly markLabel: string;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface ProgressView {
  readonly bars: readonly ProgressBarView[];
  /** What is at work, such as `building hello-2.12`. */
  readonly now: readonly string[];
  /** Says how many more are at work. */
  readonly more: string | null;
}

export interface ProgressBarView {
  readonly label: string;
  /** Such as `3 of 7 derivations`. */
  readonly text: string;
  readonly done: number;
  /** Null when nobody knows how much there will be. */
  readonly total: number | null;
}

export interface ProblemView {
  readonly mark: Mark;
  readonly message: string;
  readonly advice: string | null;
  /** The last lines of the failed command, without control sequences. */
  readonly lastLines: readonly string[];
  /** Where it is in files of this window's workspace. */
  readonly places: readonly PlaceView[];
}

export interface PlaceView {
  /** Such as `hosts/web.nix:12`. */
  readonly label: string;
  /** What is wrong there. */
  readonly title: string;
}

export type LockView =
  /** The run has not come so far, or ended before. `text` says which. */
  | { readonly kind: 'unknown'; readonly text: string }
  | { readonly kind: 'unchanged'; readonly text: string }
  | { readonly kind: 'changed'; readonly text: string; readonly rows: readonly LockRow[] }
  /** A lock that cannot be read. */
  | { readonly kind: 'broken'; readonly text: string };

export interface LockRow {
  /** As people write it, such as `nixfleet/nixpkgs`. */
  readonly input: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before: LockedView | null;
  readonly after: LockedView | null;
  /** What else changed, in words. */
  readonly note: string | null;
  /** The forge's page of what lies between, https. */
  readonly link: string | null;
}

export interface LockedView {
  /** Short revision, or what stands for it. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly date: number | null;
  /** In full, for the tooltip. */
  readonly title: string;
}

export interface CommitsView {
  readonly title: string;
  readonly commits: readonly {
    readonly shortRev: string;
    readonly subject: string;
    readonly author: string;
    readonly at: number;
    /** The forge's page of the commit, https. */
    readonly link: string | null;
  }[];
  /** The forge's page of all of them, https. */
  readonly link: string | null;
  /** Says how many are not listed. */
  readonly more: string | null;
}

export interface PackagesView {
  readonly title: string;
  readonly rows: readonly {
    readonly name: string;
    /** Versions that go; null where none does. */
    readonly before: string | null;
    /** Versions that come. */
    readonly after: string | null;
    /** By how much the package grows or shrinks, with its sign; null when by little. */
    readonly size: string | null;
  }[];
  /** Says how many are not listed. */
  readonly more: string | null;
}

export interface FactView {
  readonly label: string;
  readonly value: string;
  /** What it was before the run, where that differs. */
  readonly before: string | null;
  /** In full, for the tooltip. */
  readonly title: string;
  /** Paths and names that are to be read letter by letter. */
  readonly code: boolean;
}

export interface CommandView {
  /** As in a shell. */
  readonly line: string;
  readonly user: string;
  readonly phase: string;
  readonly mark: Mark;
  /** Such as `exit code 1`. */
  readonly result: string;
  readonly startedAt: number;
  /** Null while it runs. */
  readonly durationMs: number | null;
}

/** How much output there is, and its end for those who follow. */
export interface PanelOutput {
  /** Grows when bytes that were shown were taken back (a host lost power); rows fetched before are worthless then. */
  readonly revision: number;
  readonly rowCount: number;
  readonly ended: boolean;
  /** Why no more output can be kept here; null while it can. */
  readonly failure: string | null;
  readonly tail: { readonly from: number; readonly rows: readonly PanelRow[] } | null;
}

/** A row: a line, or 4,096 bytes of a longer one. */
export interface PanelRow {
  /** With its SGR sequences, beginning with those that are in force where it begins. */
  readonly text: string;
  /** When it was written on the host, ms since the epoch; null when that is not known any more. */
  readonly time: number | null;
  /** Whether it goes on with the line of the row before. */
  readonly continued: boolean;
}

/** What was found of a text so far. */
export interface PanelFound {
  readonly request: number;
  /** Matches that are counted. */
  readonly count: number;
  /** Whether there may be more than are counted. */
  readonly limited: boolean;
  /** Whether the search has been at the end of the output; what comes later is searched as it comes. */
  readonly searched: boolean;
  /** The match to show: its number from 0, the row that it begins in, and where in the row as it reads. */
  readonly current: { readonly index: number; readonly row: number; readonly column: number } | null;
}

/** The panel's own words, in English; the extension sends them in the reader's language. `{0}` is filled in. */
export const PANEL_LABELS = {
  added: 'added',
  after: 'after',
  afterHeading: 'After',
  afterPlanned: 'built, not proven yet',
  afterProven: 'proven',
  afterSame: 'unchanged',
  afterTakenBack: 'taken back',
  afterUnsure: 'not known to run',
  agent: 'Agent',
  before: 'before',
  beforeHeading: 'Before',
  cancel: 'Cancel',
  closeFind: 'Close Find',
  commands: 'Commands',
  commits: 'nixcfg',
  compare: 'Compare',
  compareCommits: 'Compare on the forge',
  compareInput: 'Compare the revisions of {0} on its forge',
  elapsed: 'Time',
  facts: 'Host and Generation',
  find: 'Find',
  findInOutput: 'Find in Output',
  findLimited: '{0} of the first {1}',
  findNone: 'No results',
  findOf: '{0} of {1}',
  findSearching: 'searching…',
  found: '{0} found',
  foundLimited: 'the first {0} found',
  input: 'Input',
  jumpToEnd: 'Jump to End',
  lastLines: 'Last lines of output',
  line: '1 line',
  lines: '{0} lines',
  lock: 'flake.lock',
  matchCase: 'Match Case',
  nextMatch: 'Next Match',
  noOutput: 'Nothing was written yet.',
  noOutputEver: 'This run wrote nothing.',
  openCommit: 'Open commit {0} on its forge',
  openDiff: 'Open in Diff Editor',
  openOutput: 'Open Output',
  openPlace: 'Open {0}',
  output: 'Output',
  outputFailed: 'The output cannot be kept any longer: {0}',
  package: 'Package',
  packages: 'Packages',
  previousMatch: 'Previous Match',
  problem: 'Problem',
  progress: 'Progress',
  removed: 'removed',
  retry: 'Retry',
  retryAnyway: 'Retry Anyway',
  saveOutput: 'Save Output',
  size: 'Size',
  timeSpent: 'Where the time went',
  timestamps: 'Timestamps',
  unknown: 'unknown',
  useLock: 'Use This Lock in Workspace',
  user: 'as {0}',
  warnings: 'Warnings',
  whatToDo: 'What to do:',
} as const satisfies Record<string, string>;
export type PanelLabel = keyof typeof PANEL_LABELS;
export type PanelLabels = Readonly<Record<PanelLabel, string>>;
