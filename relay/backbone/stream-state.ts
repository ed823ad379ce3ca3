import { planChunk, resumeFrom, type EpochStart, type Position } from '../../protocol/index.ts';

/** How much of a stream is there. A value; the bytes lie elsewhere. */
export interface StreamState {
  /** Ascending, the first at offset 0. */
  readonly epochs: readonly EpochStart[];
  /** Bytes. */
  readonly size: number;
  /** There will be no more. */
  readonly ended: boolean;
}

export const EMPTY_STREAM: StreamState = { epochs: [{ epoch: 0, offset: 0 }], size: 0, ended: false };

/** Where the next byte goes. */
export function endOf(state: StreamState): Position {
  return { epoch: state.epochs.at(-1)?.epoch ?? 0, offset: state.size };
}

export type AppendPlan =
  /** Cut the stream back to `cutTo` if there is one, then append the chunk without its first `skip` bytes. */
  | { readonly kind: 'append'; readonly skip: number; readonly cutTo?: number; readonly next: StreamState }
  | { readonly kind: 'duplicate' }
  /** The chunk lies behind the stream's end; the sender has to begin at `have`. */
  | { readonly kind: 'gap'; readonly have: Position };

/** Plans how a chunk joins a stream. What comes behind the end of an ended stream in its last epoch is dropped. */
export function planAppend(state: StreamState, at: Position, length: number, end: boolean): AppendPlan {
  const have = endOf(state);
  if (state.ended && at.epoch <= have.epoch) return { kind: 'duplicate' };
  const plan = planChunk(have, at, length);
  if (plan.kind === 'gap') return plan;
  if (plan.kind === 'duplicate') {
    // an end behind bytes that are all here already is news all the same
    return end && at.epoch === have.epoch && at.offset + length === have.offset
      ? { kind: 'append', skip: length, next: { ...state, ended: true } }
      : plan;
  }
  const epochs =
    at.epoch > have.epoch ? [...state.epochs, { epoch: at.epoch, offset: plan.cutTo ?? at.offset }] : state.epochs;
  return {
    kind: 'append',
    skip: plan.skip,
    ...(plan.cutTo !== undefined && { cutTo: plan.cutTo }),
    next: { epochs, size: plan.next.offset, ended: end },
  };
}

/** From where a reader at `from` has to be sent the stream. In the newest epoch that is `from` itself, as far as the stream goes. */
export function readFrom(state: StreamState, from: Position): Position {
  return resumeFrom(from, state.epochs, state.size);
}
