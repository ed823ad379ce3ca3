import * as z from 'zod';

/**
 * The files of a run that travel as bytes. A stream is resumed by position and carried by output frames of its kind;
 * `output` is what a person reads, the two others are the lock file before and after, verbatim.
 */
export const STREAM_KINDS = { output: 1, 'lock-before': 2, 'lock-after': 3 } as const;
export type StreamName = keyof typeof STREAM_KINDS;
export const streamNameSchema = z.enum(['output', 'lock-before', 'lock-after']);

/**
 * How far somebody has read a stream. Epochs count the times that the end of a stream was lost to a crash of the host:
 * bytes below the offset at which an epoch begins are those of the epoch before.
 */
export const positionSchema = z.object({ epoch: z.int().min(0).max(0xffffffff), offset: z.int().nonnegative() });
export type Position = z.infer<typeof positionSchema>;

export const streamPositionsSchema = z.partialRecord(streamNameSchema, positionSchema);
export type StreamPositions = z.infer<typeof streamPositionsSchema>;

export const START: Position = { epoch: 0, offset: 0 };

/** Where an epoch of a stream begins. */
export interface EpochStart {
  readonly epoch: number;
  readonly offset: number;
}

/**
 * The position from which a writer must send so that a reader at `reader` ends with the writer's bytes: the reader's
 * own, or the lowest cut that later epochs made below it.
 * @param epochs the writer's epochs, ascending, the first at offset 0
 * @param size the writer's bytes now
 */
export function resumeFrom(reader: Position, epochs: readonly EpochStart[], size: number): Position {
  const newest = epochs.at(-1) ?? { epoch: 0, offset: 0 };
  if (reader.epoch > newest.epoch) return { epoch: newest.epoch, offset: 0 };
  let offset = Math.min(reader.offset, size);
  for (const start of epochs) if (start.epoch > reader.epoch) offset = Math.min(offset, start.offset);
  return { epoch: newest.epoch, offset };
}

/** What a reader at `have` does with a chunk: which of its bytes are new, and whether it must first cut its own back. */
export type ChunkPlan =
  | { readonly kind: 'append'; readonly skip: number; readonly cutTo?: number; readonly next: Position }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'gap'; readonly have: Position };

/**
 * Plans how a chunk at `at` of `length` bytes joins a copy that ends at `have`. Bytes that the copy holds are skipped,
 * a newer epoch cuts the copy back first, and a chunk beyond the copy's end is a gap: the reader asks again from `have`.
 */
export function planChunk(have: Position, at: Position, length: number): ChunkPlan {
  if (at.epoch < have.epoch) return { kind: 'duplicate' };
  if (at.offset > have.offset) return { kind: 'gap', have };
  const end = at.offset + length;
  if (at.epoch > have.epoch) {
    const next = { epoch: at.epoch, offset: end };
    return at.offset < have.offset
      ? { kind: 'append', skip: 0, cutTo: at.offset, next }
      : { kind: 'append', skip: 0, next };
  }
  if (end <= have.offset) return { kind: 'duplicate' };
  return { kind: 'append', skip: have.offset - at.offset, next: { epoch: at.epoch, offset: end } };
}
