import { ulid } from 'ulid';
import {
  DEFAULT_DEADLINES,
  DEFAULT_STAGGER,
  DEFAULT_WIDTH,
  defaultStopAfterFailures,
  rolloutIdSchema,
  runIdSchema,
  sealRequest,
  type Reason,
  type RolloutAsk,
  type RolloutId,
} from '../../protocol/index.ts';
import type { CallResult, Calls } from '../connection/calls.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { HowToUpdate } from '../updates/updates.ts';

export type AskedRollout =
  | {
      readonly ok: true;
      readonly rolloutId: RolloutId;
      /** Hosts that are not part of it. */
      readonly refused: readonly { readonly host: string; readonly reason: Reason }[];
    }
  | { readonly ok: false; readonly reason: Reason };

/** Asking for rollouts, and for their end. */
export class Rollouts {
  readonly #calls: Pick<Calls, 'insist'>;
  readonly #fleet: Pick<FleetStore, 'now'>;

  constructor(calls: Pick<Calls, 'insist'>, fleet: Pick<FleetStore, 'now'>) {
    this.#calls = calls;
    this.#fleet = fleet;
  }

  /** Asks for an update of these hosts in their order. The ids are made once: however often it is said, it is one rollout. */
  async ask(hosts: readonly string[], how: HowToUpdate): Promise<AskedRollout> {
    const ask = rolloutFor(hosts, how, Math.floor(this.#fleet.now()));
    const result = await this.#calls.insist({ type: 'start-rollout', ...ask });
    return result.ok ? { ok: true, rolloutId: ask.rolloutId, refused: result.reply.refused ?? [] } : result;
  }

  stop(rolloutId: RolloutId): Promise<CallResult> {
    return this.#calls.insist({ type: 'stop-rollout', rolloutId });
  }
}

/**
 * What is asked. A request's expiry is part of the bytes that the host checks, so it cannot begin to count with the
 * host's turn: it leaves time for the builds of all who may be before it, and the usual day after that.
 * @param now by the relay's clock, ms
 */
export function rolloutFor(hosts: readonly string[], how: HowToUpdate, now: number): RolloutAsk {
  const builds = Math.ceil(hosts.length / DEFAULT_WIDTH) * DEFAULT_DEADLINES.building;
  const expiresAt = now + DEFAULT_DEADLINES.queued + builds;
  return {
    rolloutId: rolloutIdSchema.parse(ulid()),
    width: DEFAULT_WIDTH,
    stagger: DEFAULT_STAGGER,
    stopAfterFailures: defaultStopAfterFailures(hosts.length),
    requests: hosts.map(host => {
      const runId = runIdSchema.parse(ulid());
      return sealRequest({ format: 1, verb: 'update-agent', runId, host, requestedAt: now, expiresAt, ...how });
    }),
  };
}
