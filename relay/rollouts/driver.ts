/**
 * Keeps rollouts going: looks at one when a run of it has moved on, when a host comes or goes, and when the next of its
 * hosts may begin. What is to be done is decided in plan.ts, on what is on disk: a relay that was killed goes on from there.
 */
import type { Logger } from 'pino';
import { isHeld, isOver, type RolloutId, type RunId, type RunSummary } from '../../protocol/index.ts';
import type { Backbone, FleetChange } from '../backbone/backbone.ts';

/** Milliseconds in which what happens to a rollout is gathered, and after which a failure of the store is tried again. */
const GATHER = 50;
const RETRY = 5_000;

export interface DriverOptions {
  readonly backbone: Backbone;
  readonly log: Logger;
  /** The wall clock, ms since the epoch. */
  readonly now: () => number;
}

/** Resolves when the rollouts of the store go on; the function ends that, and resolves when nothing is under way. */
export async function driveRollouts({ backbone, log, now }: DriverOptions): Promise<() => Promise<void>> {
  const looks = new Map<RolloutId, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  const online = new Map<string, boolean>();
  const live = new Set<RolloutId>();
  const seen = new Map<RunId, string>();
  let turn: Promise<void> = Promise.resolve();
  let isClosed = false;

  /** Looks in so many milliseconds, or earlier when that was said before. */
  const lookIn = (id: RolloutId, wait: number): void => {
    const at = performance.now() + Math.max(wait, GATHER);
    const before = looks.get(id);
    if (isClosed || (before && before.at <= at)) return;
    clearTimeout(before?.timer);
    const look = (): void => {
      looks.delete(id);
      turn = turn.then(() => goOn(id));
    };
    looks.set(id, { at, timer: setTimeout(look, at - performance.now()) });
  };

  const goOn = async (id: RolloutId): Promise<void> => {
    try {
      const at = now();
      const { hosts, nextAt } = await backbone.advanceRollout(id, at);
      for (const host of hosts) await backbone.commandHost(host, { kind: 'deliver' });
      if (nextAt !== undefined) lookIn(id, nextAt - at);
    } catch (error) {
      log.error({ err: error, rollout: id }, 'cannot go on with a rollout');
      lookIn(id, RETRY);
    }
  };

  /** A run says much of itself; what decides is how far it was delivered and whether it is over. */
  const onRun = (run: RunSummary): void => {
    if (!run.rollout || !live.has(run.rollout)) return;
    const { runId, delivery, outcome } = run;
    const decisive = `${delivery} ${outcome ?? ''} ${isHeld(run)}`;
    if (seen.get(runId) === decisive) return;
    if (isOver(run)) seen.delete(runId);
    else seen.set(runId, decisive);
    lookIn(run.rollout, 0);
  };

  const onChange = (change: FleetChange): void => {
    if (change.kind === 'rollout') {
      const { rolloutId, endedAt } = change.rollout;
      if (endedAt !== undefined) live.delete(rolloutId);
      else {
        live.add(rolloutId);
        lookIn(rolloutId, 0);
      }
    } else if (change.kind === 'run') onRun(change.run);
    else if (change.kind === 'host') {
      // a host says much of itself; only whether it is there decides
      if (online.get(change.host.host) === change.host.online) return;
      online.set(change.host.host, change.host.online);
      for (const id of live) lookIn(id, 0);
    } else if (change.kind === 'host-removed') online.delete(change.host);
  };

  const unwatch = backbone.watchFleet(onChange);
  for (const rollout of await backbone.rollouts()) onChange({ kind: 'rollout', rollout });
  return async () => {
    isClosed = true;
    unwatch();
    for (const { timer } of looks.values()) clearTimeout(timer);
    await turn;
  };
}
