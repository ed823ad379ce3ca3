import type { Reason } from '../../protocol/index.ts';

/** Characters of a reason's sentences in a summary. The run's events have them in full. */
const CLIP = 1024;

/** A reason short enough that a hundred of them fit into one message. */
export function clip(reason: Reason): Reason {
  const short = (text: string) => (text.length > CLIP ? `${text.slice(0, CLIP - 1)}…` : text);
  return {
    kind: reason.kind,
    message: short(reason.message),
    ...(reason.advice !== undefined && { advice: short(reason.advice) }),
  };
}
