import type { Logger } from 'pino';
import { isOver } from '../protocol/index.ts';
import type { Backbone } from './backbone/backbone.ts';
import type { Retention } from './runs/retention.ts';

export interface HousekeepingOptions {
  readonly backbone: Backbone;
  readonly retention: Retention;
  /** Hosts that are connected now. */
  readonly online: () => readonly string[];
  readonly log: Logger;
  readonly now: () => number;
  /** Milliseconds between two looks for expired requests. */
  readonly expiryInterval: number;
}

const TOUCH_INTERVAL = 60_000;
const RETENTION_INTERVAL = 3_600_000;

/**
 * What has to happen from time to time: requests expire, old runs go, hosts that are there are noted as seen.
 * @returns ends it, and resolves when what is at work is over
 */
export function startHousekeeping({
  backbone,
  retention,
  online,
  log,
  now,
  expiryInterval,
}: HousekeepingOptions): () => Promise<void> {
  const atWork = new Set<Promise<unknown>>();
  const attempt = (what: string, work: () => Promise<unknown>) => {
    const attempted: Promise<unknown> = work()
      .catch((error: unknown) => log.error({ err: error }, `cannot ${what}`))
      .finally(() => atWork.delete(attempted));
    atWork.add(attempted);
  };
  const every = (interval: number, what: string, work: () => Promise<unknown>) =>
    setInterval(() => attempt(what, work), interval).unref();
  const removeOld = (host?: string) => backbone.applyRetention(now(), host, retention);

  const timers = [
    every(expiryInterval, 'expire requests', () => backbone.expireQueued(now())),
    every(TOUCH_INTERVAL, 'note which hosts are online', () => backbone.touchHosts(online(), now())),
    every(RETENTION_INTERVAL, 'remove old runs', removeOld),
  ];
  const unwatch = backbone.watchFleet(change => {
    if (change.kind === 'run' && isOver(change.run)) attempt('remove old runs', () => removeOld(change.run.host));
  });
  attempt('remove old runs', removeOld);
  return async () => {
    unwatch();
    for (const timer of timers) clearInterval(timer);
    await Promise.all(atWork);
  };
}
