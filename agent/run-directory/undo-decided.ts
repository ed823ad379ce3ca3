import * as z from 'zod';
import { outcomeSchema, reasonSchema, type AnyRunEvent } from '../../protocol/index.ts';

/**
 * The runner has decided to end the run and to put back what it changed: a journal line of the runner's own, so that the
 * runner that takes over from it goes on undoing, whatever the host looks like by then. Readers that do not know its
 * type pass over it.
 */
export const undoDecidedSchema = z.object({
  type: z.literal('undo-decided'),
  outcome: outcomeSchema,
  reason: reasonSchema,
  lastLines: z.array(z.string().max(2048)).max(50).optional(),
});
export type UndoDecided = z.infer<typeof undoDecidedSchema>;

/** The last decision to undo in a journal; undefined when there is none. */
export function findUndo(events: readonly AnyRunEvent[]): UndoDecided | undefined {
  return undoDecidedSchema.safeParse(events.findLast(event => event.type === 'undo-decided')).data;
}
