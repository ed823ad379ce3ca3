import type { FleetHost, RunSummary } from '../../protocol/index.ts';
import { wentWrong } from '../base/words.ts';
import { isOutdated, liveRun } from '../fleet/fleet.ts';

/** The one thing worth knowing of a host. */
export type Situation =
  | { readonly kind: 'updating'; readonly run: RunSummary }
  | { readonly kind: 'queued'; readonly run: RunSummary }
  | { readonly kind: 'failed'; readonly run: RunSummary }
  | { readonly kind: 'never-connected' }
  | { readonly kind: 'offline'; readonly since: number | undefined }
  | { readonly kind: 'problem'; readonly count: number }
  | { readonly kind: 'outdated'; readonly newest: string }
  | { readonly kind: 'idle' };

export function situationOf(host: FleetHost): Situation {
  const live = liveRun(host);
  if (live) return live.delivery === 'queued' ? { kind: 'queued', run: live } : { kind: 'updating', run: live };
  const failed = lastFailure(host);
  if (failed) return { kind: 'failed', run: failed };
  if (!host.agent) return { kind: 'never-connected' };
  if (!host.online) return { kind: 'offline', since: host.lastSeenAt };
  const newest = host.status?.upstream?.rev;
  if (newest !== undefined && isOutdated(host)) return { kind: 'outdated', newest };
  const count = host.status?.problems.length ?? 0;
  return count > 0 ? { kind: 'problem', count } : { kind: 'idle' };
}

/**
 * The last run, if it went wrong and nothing has mended it since. A host that runs another version than the one it had
 * before that run was mended by hand.
 */
function lastFailure(host: FleetHost): RunSummary | undefined {
  const last = host.runs.find(run => run.outcome !== 'cancelled' && run.delivery !== 'cancelled');
  if (!last || !wentWrong(last)) return undefined;
  const mended = last.versionBefore !== undefined && host.agent && host.agent.version !== last.versionBefore;
  return mended && last.outcome !== 'inconsistent' ? undefined : last;
}

/**
 * Where a host stands in the list: what needs attention first. A host does not move when its update starts, only when
 * it has ended.
 */
export function rankOf(situation: Situation): number {
  switch (situation.kind) {
    case 'failed':
    case 'problem':
      return 0;
    case 'updating':
    case 'queued':
    case 'outdated':
      return 1;
    case 'idle':
      return 2;
    case 'offline':
      return 3;
    case 'never-connected':
      return 4;
  }
}
