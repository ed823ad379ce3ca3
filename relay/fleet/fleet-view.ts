/**
 * The fleet as operators see it: every enrolled host with its newest runs, kept from what the backbone tells. Sessions
 * take a snapshot and are told which hosts and runs changed, each at most once in 50 ms.
 */
import {
  isOver,
  type BuildProgress,
  type FleetHost,
  type Rollout,
  type RolloutId,
  type RunId,
  type RunSummary,
  type ToOperatorMessage,
} from '../../protocol/index.ts';
import type { Backbone, FleetChange, Unwatch } from '../backbone/backbone.ts';
import { SHOWN_ENDED } from '../rollouts/advance.ts';
import { Coalescer } from './coalesce.ts';
import { fleetHost, SHOWN_RUNS, withoutRun, withRun } from './fleet-host.ts';

const INTERVAL_MS = 50;

/** Something that changed: `host:NAME`, `run:ID` or `rollout:ID`. */
export type FleetKey = `host:${string}` | `run:${RunId}` | `rollout:${RolloutId}`;

/** Told of a change, and how to say it. Sessions that cannot listen now ask for the text later. */
export type FleetListener = (key: FleetKey, text: string) => void;

export class FleetView {
  readonly #backbone: Backbone;
  readonly #hosts = new Map<string, FleetHost>();
  /** Runs that changed and were not told of yet. */
  readonly #changedRuns = new Map<RunId, RunSummary>();
  readonly #rollouts = new Map<RolloutId, Rollout>();
  readonly #coalescer = new Coalescer<FleetKey>(INTERVAL_MS);
  readonly #listeners = new Set<FleetListener>();
  #unwatch: Unwatch = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(backbone: Backbone) {
    this.#backbone = backbone;
  }

  static async of(backbone: Backbone): Promise<FleetView> {
    const view = new FleetView(backbone);
    // what happens while the hosts are read is applied to what was read
    let early: FleetChange[] | undefined = [];
    view.#unwatch = backbone.watchFleet(change => {
      if (early) early.push(change);
      else view.#apply(change);
    });
    for (const record of await backbone.hosts()) {
      view.#hosts.set(record.host, fleetHost(record, await runsToShow(backbone, record.host)));
    }
    for (const rollout of await backbone.rollouts()) view.#rollouts.set(rollout.rolloutId, rollout);
    const changes = early;
    early = undefined;
    for (const change of changes) view.#apply(change);
    return view;
  }

  /** Names of all hosts. */
  names(): readonly string[] {
    return [...this.#hosts.keys()].sort();
  }

  host(host: string): FleetHost | undefined {
    return this.#hosts.get(host);
  }

  hosts(): Iterable<FleetHost> {
    return this.#hosts.values();
  }

  /** Those that are not over, and the last ones that are, newest first. */
  rollouts(): readonly Rollout[] {
    return [...this.#rollouts.values()].sort((a, b) => (a.rolloutId < b.rolloutId ? 1 : -1));
  }

  /** A run's summary with how far its build is, where that is known: no disk has it. */
  withProgress(run: RunSummary): RunSummary {
    return withProgress(run, this.#progressOf(run));
  }

  /** How a change is said now; undefined when there is nothing to say any more. */
  text(key: FleetKey): string | undefined {
    const message = this.#message(key);
    return message && JSON.stringify(message);
  }

  onChange(listener: FleetListener): Unwatch {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#unwatch();
    clearTimeout(this.#timer);
  }

  #message(key: FleetKey): ToOperatorMessage | undefined {
    if (key.startsWith('host:')) {
      const name = key.slice('host:'.length);
      const host = this.#hosts.get(name);
      return host ? { type: 'host', host } : { type: 'host-removed', host: name };
    }
    if (key.startsWith('rollout:')) {
      const rollout = this.#rollouts.get(key.slice('rollout:'.length) as RolloutId);
      return rollout && { type: 'rollout', rollout };
    }
    const runId = key.slice('run:'.length) as RunId;
    const run = this.#changedRuns.get(runId) ?? this.#shownRun(runId);
    return run && { type: 'run', run };
  }

  #progressOf({ host, runId }: RunSummary): BuildProgress | undefined {
    return this.#hosts.get(host)?.runs.find(run => run.runId === runId)?.progress;
  }

  #shownRun(runId: RunId): RunSummary | undefined {
    for (const { runs } of this.#hosts.values()) {
      const run = runs.find(candidate => candidate.runId === runId);
      if (run) return run;
    }
    return undefined;
  }

  #apply(change: FleetChange): void {
    switch (change.kind) {
      case 'host': {
        const name = change.host.host;
        const before = this.#hosts.get(name);
        this.#hosts.set(name, fleetHost(change.host, before?.runs ?? []));
        this.#changed(`host:${name}`);
        // a host that comes back to the fleet has runs from before; without them it is shown all the same
        if (!before) void this.#recall(name).catch(() => undefined);
        return;
      }
      case 'host-removed':
        this.#hosts.delete(change.host);
        {
          this.#changed(`host:${change.host}`);
          return;
        }
      case 'run': {
        const before = this.#hosts.get(change.run.host);
        if (!before) return;
        const run = this.withProgress(change.run);
        const after = withRun(before, run);
        this.#hosts.set(run.host, after);
        this.#changedRuns.set(run.runId, run);
        this.#changed(`run:${run.runId}`);
        if (ids(before) !== ids(after)) this.#changed(`host:${run.host}`);
        return;
      }
      case 'progress': {
        const { host, runId, progress } = change;
        const before = this.#hosts.get(host);
        const run = before?.runs.find(candidate => candidate.runId === runId);
        if (!before || !run || !isBuilding(run)) return;
        const next = withProgress(run, progress);
        this.#hosts.set(host, withRun(before, next));
        this.#changedRuns.set(runId, next);
        this.#changed(`run:${runId}`);
        return;
      }
      case 'run-removed': {
        const before = this.#hosts.get(change.host);
        if (!before?.runs.some(({ runId }) => runId === change.runId)) return;
        this.#hosts.set(change.host, withoutRun(before, change.runId));
        this.#changed(`host:${change.host}`);
        return;
      }
      case 'rollout': {
        const { rollout } = change;
        this.#rollouts.set(rollout.rolloutId, rollout);
        this.#changed(`rollout:${rollout.rolloutId}`);
        if (rollout.endedAt !== undefined) this.#forgetRollouts();
        return;
      }
      case 'rollout-removed':
        this.#rollouts.delete(change.rolloutId);
        return;
      case 'tokens':
        return;
    }
  }

  /** Of those that are over only the last ones are shown. */
  #forgetRollouts(): void {
    const ended = this.rollouts().filter(({ endedAt }) => endedAt !== undefined);
    for (const { rolloutId } of ended.slice(SHOWN_ENDED)) this.#rollouts.delete(rolloutId);
  }

  async #recall(name: string): Promise<void> {
    for (const run of await runsToShow(this.#backbone, name)) {
      const host = this.#hosts.get(name);
      if (!host || host.runs.some(({ runId }) => runId === run.runId)) continue;
      this.#hosts.set(name, withRun(host, run));
      this.#changed(`host:${name}`);
    }
  }

  #changed(key: FleetKey): void {
    this.#coalescer.changed(key);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const due = this.#coalescer.nextDue();
    if (due === undefined) return;
    this.#timer = setTimeout(() => this.#tell(), Math.max(0, due - performance.now()));
  }

  #tell(): void {
    this.#timer = undefined;
    for (const key of this.#coalescer.take(performance.now())) {
      const text = this.text(key);
      if (key.startsWith('run:')) this.#changedRuns.delete(key.slice('run:'.length) as RunId);
      if (text === undefined) continue;
      for (const listener of [...this.#listeners]) listener(key, text);
    }
    this.#schedule();
  }
}

function isBuilding(run: RunSummary): boolean {
  return run.phase === 'building' && !isOver(run);
}

/** How far a build is counts as long as it goes on. */
function withProgress(run: RunSummary, progress: BuildProgress | undefined): RunSummary {
  return progress && isBuilding(run) ? { ...run, progress } : run;
}

function ids(host: FleetHost): string {
  return host.runs.map(run => run.runId).join();
}

async function runsToShow(backbone: Backbone, host: string): Promise<readonly RunSummary[]> {
  const newest = await backbone.runs({ host, limit: SHOWN_RUNS });
  const live = await backbone.liveRuns(host);
  return [...new Map([...newest, ...live.map(({ summary }) => summary)].map(run => [run.runId, run])).values()];
}
