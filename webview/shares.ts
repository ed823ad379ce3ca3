import type { StepView } from '../protocol/panel.ts';

/** What a phase took of a run. */
export interface Share {
  readonly phase: string;
  readonly label: string;
  readonly ms: number;
  readonly percent: number;
}

/** Percents below which a phase is not worth a word. */
const LEAST_PERCENT = 1;

/**
 * Where the time of a run went, in the order of its phases: on the host, without the time in the relay's queue. Empty while
 * there is nothing to compare.
 * @param now of the clock that the steps' times are by
 */
export function shares(steps: readonly StepView[], now: number): readonly Share[] {
  const spans = steps.flatMap(({ phase, label, startedAt, endedAt }) => {
    if (phase === 'queued' || startedAt === null) return [];
    const ms = Math.max(0, (endedAt ?? now) - startedAt);
    return ms > 0 ? [{ phase, label, ms }] : [];
  });
  const total = spans.reduce((sum, { ms }) => sum + ms, 0);
  const parts = spans
    .map(span => ({ ...span, percent: Math.round((100 * span.ms) / total) }))
    .filter(({ percent }) => percent >= LEAST_PERCENT);
  return parts.length > 1 ? parts : [];
}
