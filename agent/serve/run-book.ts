import { statSync } from 'node:fs';
import {
  knownEvent,
  START,
  type AnyRunEvent,
  type Phase,
  type RunId,
  type RunOnHost,
  type StreamPositions,
} from '../../protocol/index.ts';
import { runPaths } from '../run-directory/layout.ts';
import { listRuns } from '../run-directory/run-list.ts';
import { JournalReader } from '../tail/journal-reader.ts';
import { OutputIndex } from '../tail/output-index.ts';

/** A run on this host, as far as its journal went when it was last read. */
export interface RunView {
  readonly runId: RunId;
  /** Number of the last event; 0 while there is none. */
  readonly seq: number;
  readonly phase: Phase;
  readonly ended: boolean;
  readonly recorded: boolean;
  readonly locked: boolean;
  /** It has reached its goal, and its lock is being published. */
  readonly publishing?: boolean;
  /** What is wrong with the journal behind `seq`. */
  readonly damage?: string;
}

interface Entry {
  /** Absent once the run has ended: nothing more will come. */
  journal?: JournalReader;
  view: RunView;
  /** Positions of an ended run. */
  streams?: StreamPositions;
}

/** The runs that lie on the host. Reads their journals, each part once. */
export class RunBook {
  readonly #stateDir: string;
  #entries = new Map<RunId, Entry>();
  #reading: Promise<unknown> = Promise.resolve();

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  /** All runs, newest first, as they are now. */
  read(): Promise<readonly RunView[]> {
    const read = this.#reading.then(() => this.#read());
    this.#reading = read.catch(() => undefined);
    return read;
  }

  /** How much of a run there is; undefined when it is not on the host, or has no event yet. */
  async describe(runId: RunId): Promise<RunOnHost | undefined> {
    const entry = this.#entries.get(runId);
    if (!entry || entry.view.seq === 0) return undefined;
    const { seq, ended } = entry.view;
    const streams = entry.streams ?? (await this.#positions(entry.view));
    if (ended) entry.streams = streams;
    return { runId, seq, ended, streams };
  }

  async #read(): Promise<readonly RunView[]> {
    const entries = new Map<RunId, Entry>();
    for (const runId of listRuns(this.#stateDir)) {
      const entry = this.#entries.get(runId) ?? this.#newEntry(runId);
      entries.set(runId, entry);
      await advance(entry);
    }
    this.#entries = entries;
    return [...entries.values()].map(entry => entry.view);
  }

  #newEntry(runId: RunId): Entry {
    const journal = new JournalReader(runPaths(this.#stateDir, runId).journal);
    return { journal, view: { runId, seq: 0, phase: 'accepted', ended: false, recorded: false, locked: false } };
  }

  async #positions(view: RunView): Promise<StreamPositions> {
    const paths = runPaths(this.#stateDir, view.runId);
    const index = new OutputIndex(paths.outputIndex);
    await index.refresh();
    return {
      output: { epoch: index.epoch, offset: sizeOf(paths.output) },
      ...((view.recorded || view.ended) && { 'lock-before': { ...START, offset: sizeOf(paths.lockBefore) } }),
      ...((view.locked || view.ended) && { 'lock-after': { ...START, offset: sizeOf(paths.lockAfter) } }),
    };
  }
}

async function advance(entry: Entry): Promise<void> {
  const { journal } = entry;
  if (!journal) return;
  try {
    for (let events = await journal.next(); events.length > 0; events = await journal.next())
      entry.view = events.reduce(note, entry.view);
    const { damage: _, ...view } = entry.view;
    entry.view = journal.damage === undefined ? view : { ...view, damage: journal.damage };
  } catch (error) {
    entry.view = { ...entry.view, damage: (error as Error).message };
  }
  if (entry.view.ended) delete entry.journal;
}

function note(view: RunView, event: AnyRunEvent): RunView {
  const next = { ...view, seq: event.seq };
  switch (event.type) {
    case 'phase': {
      const known = knownEvent(event);
      return known?.type === 'phase' ? { ...next, phase: known.phase } : next;
    }
    case 'recorded':
      return { ...next, recorded: true };
    case 'locked':
      return { ...next, locked: true };
    case 'publishing':
      return { ...next, publishing: true };
    case 'ended':
      return { ...next, ended: true };
    default:
      return next;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
