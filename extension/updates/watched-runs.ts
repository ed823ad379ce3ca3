import * as z from 'zod';
import { isOver, runIdSchema, type RunSummary } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';

/** What a vscode.Memento is, as far as it is needed here. */
export interface Memory {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const watchedSchema = z.object({ host: z.string(), runId: runIdSchema });
export type WatchedRun = z.infer<typeof watchedSchema>;

/** Runs that were asked for in one go. */
const groupSchema = z.object({ askedAt: z.number(), runs: z.array(watchedSchema) });
type Group = z.infer<typeof groupSchema>;

const KEY = 'nixfleet.watchedRuns';
/** A run that nothing was heard of for so long will not be heard of again. */
const FORGET_AFTER = 3 * 24 * 3_600_000;

/**
 * The runs that this window asked for and whose outcome its person is to be told, once, also after a reload. Runs of one
 * go are told together; one whose host is offline does not keep the others from being told, and is told by itself later.
 */
export class WatchedRuns extends Disposable {
  readonly #fleet: Pick<FleetStore, 'onDidChange' | 'fleet'>;
  readonly #memory: Memory;
  readonly #told = this.own(new Emitter<readonly RunSummary[]>());
  #groups: readonly Group[];

  /** A group of runs is to be told of: all that were asked together, or one that was late. */
  readonly onDidEnd = this.#told.event;

  constructor(fleet: Pick<FleetStore, 'onDidChange' | 'fleet'>, memory: Memory) {
    super();
    this.#fleet = fleet;
    this.#memory = memory;
    const parsed = z.array(groupSchema).safeParse(memory.get(KEY));
    const now = Date.now();
    this.#groups = parsed.success ? parsed.data.filter(group => now - group.askedAt < FORGET_AFTER) : [];
    this.own(fleet.onDidChange(() => this.#look()));
  }

  /** Remembers runs that were asked for together. */
  watch(runs: readonly WatchedRun[]): void {
    if (runs.length === 0) return;
    this.#set([...this.#groups, { askedAt: Date.now(), runs: runs.map(({ host, runId }) => ({ host, runId })) }]);
    this.#look();
  }

  #look(): void {
    if (this.#groups.length === 0 || this.#fleet.fleet.stale) return;
    const kept: Group[] = [];
    const tell: RunSummary[][] = [];
    for (const group of this.#groups) {
      const runs = group.runs.map(watched => this.#find(watched));
      const known = runs.filter(run => run !== undefined);
      const settled = known.length === runs.length && known.every(run => isOver(run) || this.#waitsForHost(run));
      if (!settled || !known.some(isOver)) {
        kept.push(group);
        continue;
      }
      tell.push(known);
      for (const run of known)
        if (!isOver(run)) kept.push({ askedAt: group.askedAt, runs: [{ host: run.host, runId: run.runId }] });
    }
    if (tell.length === 0) return;
    this.#set(kept);
    for (const runs of tell) this.#told.fire(runs);
  }

  #find({ host, runId }: WatchedRun): RunSummary | undefined {
    return this.#fleet.fleet.hosts.get(host)?.runs.find(run => run.runId === runId);
  }

  #waitsForHost(run: RunSummary): boolean {
    return run.delivery === 'queued' && this.#fleet.fleet.hosts.get(run.host)?.online === false;
  }

  #set(groups: readonly Group[]): void {
    this.#groups = groups;
    void this.#memory.update(KEY, groups);
  }
}
