/**
 * Asking for updates. Comes in: the hosts a person chose. Leaves: one request each, with one revision for all of them
 * where there are several, kept up until the relay has it on disk.
 */
import { ulid } from 'ulid';
import {
  DEFAULT_DEADLINES,
  runIdSchema,
  sealRequest,
  type Reason,
  type RunId,
  type UpdateRequest,
} from '../../protocol/index.ts';
import type { CallResult, Calls } from '../connection/calls.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';

export type AskedUpdate =
  | { readonly ok: true; readonly host: string; readonly runId: RunId }
  | { readonly ok: false; readonly host: string; readonly reason: Reason };

/** What of a request is a person's choice. */
export type HowToUpdate = Pick<UpdateRequest, 'targetRev' | 'retryAnyway'>;

export class Updates {
  readonly #calls: Pick<Calls, 'ask' | 'insist'>;
  readonly #fleet: Pick<FleetStore, 'now'>;

  constructor(calls: Pick<Calls, 'ask' | 'insist'>, fleet: Pick<FleetStore, 'now'>) {
    this.#calls = calls;
    this.#fleet = fleet;
  }

  /** Asks for an update of one host. The id is made once: however often it is said, it is one run. */
  async ask(host: string, how: HowToUpdate = {}): Promise<AskedUpdate> {
    const runId = runIdSchema.parse(ulid());
    const requestedAt = Math.floor(this.#fleet.now());
    const request: UpdateRequest = {
      format: 1,
      verb: 'update-agent',
      runId,
      host,
      requestedAt,
      expiresAt: requestedAt + DEFAULT_DEADLINES.queued,
      ...how,
    };
    const result = await this.#calls.insist({ type: 'update-agent', ...sealRequest(request) });
    return result.ok ? { ok: true, host, runId } : { ok: false, host, reason: result.reason };
  }

  cancel(runId: RunId): Promise<CallResult> {
    return this.#calls.insist({ type: 'cancel', runId });
  }

  refresh(host: string): Promise<CallResult> {
    return this.#calls.ask({ type: 'refresh', host });
  }
}
