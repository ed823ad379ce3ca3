import type { FleetHost, Reason } from '../../protocol/index.ts';
import { nextValue } from '../base/event.ts';
import type { Locale } from '../base/locale.ts';
import type { Calls } from '../connection/calls.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';

/** Milliseconds that a host has to find out the newest revision. */
export const RESOLVE_WITHIN = 60_000;

export type NewestRevision =
  | { readonly ok: true; readonly rev: string; readonly askedHost: string }
  | { readonly ok: false; readonly reason: Reason };

export interface ResolveOptions {
  readonly fleet: Pick<FleetStore, 'host' | 'onDidChange'>;
  readonly calls: Pick<Calls, 'ask'>;
  readonly locale: Locale;
  readonly signal?: AbortSignal;
  readonly within?: number;
}

/**
 * The newest revision of the nixfleet input, found out once so that several hosts end on the same one although a newer
 * one may be pushed in between. One of the chosen hosts that is online is asked for its status, which it finds out with
 * its owner's rights and keys; the answer counts when the revision in it was looked up after the question.
 */
export async function resolveNewestRevision(
  hosts: readonly string[],
  { fleet, calls, locale, signal, within = RESOLVE_WITHIN }: ResolveOptions,
): Promise<NewestRevision> {
  const name = hosts.find(host => fleet.host(host)?.online);
  if (name === undefined) {
    return fail('no-host-online', locale.t('None of the chosen hosts is online to find out the newest revision.'));
  }
  // the host's clock is not ours: newer than what it said before is newer than the question
  const before = checkedAt(fleet.host(name));
  const deadline = AbortSignal.timeout(within);
  const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
  const answered = nextValue(fleet.onDidChange, () => checkedAt(fleet.host(name)) > before, stop);
  const waiting = answered.then(
    () => undefined,
    () => fail(...lateness(name, fleet.host(name), locale, signal?.aborted ?? false)),
  );
  const asked = await calls.ask({ type: 'refresh', host: name });
  if (!asked.ok) return { ok: false, reason: asked.reason };
  const failure = await waiting;
  const rev = fleet.host(name)?.status?.upstream?.rev;
  if (failure) return failure;
  return rev === undefined
    ? fail(...lateness(name, fleet.host(name), locale, false))
    : { ok: true, rev, askedHost: name };
}

function checkedAt(host: FleetHost | undefined): number {
  return host?.status?.upstream?.checkedAt ?? -1;
}

function lateness(
  name: string,
  host: FleetHost | undefined,
  { t }: Locale,
  cancelled: boolean,
): [kind: string, message: string, advice?: string] {
  if (cancelled) return ['cancelled', t('Cancelled.')];
  const [problem] = host?.status?.problems ?? [];
  const message = t('{0} did not say in time what the newest revision is.', name);
  return problem === undefined ? ['timeout', message] : ['timeout', message, t('It reports: {0}', problem)];
}

function fail(kind: string, message: string, advice?: string): { readonly ok: false; readonly reason: Reason } {
  return { ok: false, reason: { kind, message, ...(advice !== undefined && { advice }) } };
}
