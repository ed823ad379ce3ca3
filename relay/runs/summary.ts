import { knownEvent, type AnyRunEvent, type RunEvent, type RunSummary } from '../../protocol/index.ts';
import { asBegun } from './delivery.ts';
import { clip } from './reason.ts';

/**
 * A run's summary after more of its events. Events that are in it already are skipped; the caller has seen to it that
 * there is no gap. A run that has events was begun, whatever the relay thought of it before.
 */
export function foldSummary(summary: RunSummary, events: readonly AnyRunEvent[]): RunSummary {
  let next = summary;
  for (const event of events) {
    if (event.seq <= next.seq) continue;
    const known = knownEvent(event);
    next = { ...asBegun(next), seq: event.seq };
    if (known) next = fold(next, known);
  }
  return next;
}

function fold(summary: RunSummary, event: RunEvent): RunSummary {
  switch (event.type) {
    case 'phase':
      return { ...summary, phase: event.phase, phaseSince: event.at };
    case 'recorded':
      return event.before.agent ? { ...summary, versionBefore: event.before.agent.version } : summary;
    case 'built':
      return { ...summary, versionAfter: event.manifest.version };
    case 'ended': {
      const { versionAfter: _, ...rest } = summary;
      return {
        ...rest,
        ...(event.after.agent && { versionAfter: event.after.agent.version }),
        outcome: event.outcome,
        changed: event.changed,
        endedAt: event.at,
        ...(event.reason && { reason: clip(event.reason) }),
      };
    }
    default:
      return summary;
  }
}
