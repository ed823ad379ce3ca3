import * as z from 'zod/mini';

/** What the page remembers while it is hidden, and after a reload of the window. */
const savedSchema = z.object({
  /** By which the extension knows the panel again. */
  runId: z.string(),
  timestamps: z.catch(z.boolean(), false),
  /** The row at the top; null follows the end. */
  row: z.catch(z.nullable(z.number()), null),
  folds: z.catch(z.record(z.string(), z.boolean()), {}),
});
export type SavedState = z.infer<typeof savedSchema>;

interface StateStore {
  getState(): unknown;
  setState(state: unknown): unknown;
}

let store: StateStore | undefined;
let current: SavedState = { runId: '', timestamps: false, row: null, folds: {} };

/** Takes up what was saved for this run. */
export function openSavedState(where: StateStore, runId: string): void {
  store = where;
  const before = savedSchema.safeParse(where.getState());
  current = before.success && before.data.runId === runId ? before.data : { ...current, runId };
  where.setState(current);
}

export function saved(): SavedState {
  return current;
}

export function save(change: Partial<SavedState>): void {
  current = { ...current, ...change };
  store?.setState(current);
}
