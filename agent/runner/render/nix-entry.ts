/**
 * The entries of nix's `--log-format internal-json`, as nix's src/libutil/logging.cc writes them: activities that start and
 * stop, results of activities, and messages.
 */
import * as z from 'zod';

/** Kinds of activities, `ActivityType` in nix's logging.hh. */
export const ActivityType = {
  copyPath: 100,
  fileTransfer: 101,
  realise: 102,
  copyPaths: 103,
  builds: 104,
  build: 105,
  postBuildHook: 110,
  buildWaiting: 111,
} as const;

/** Kinds of results, `ResultType` there. */
export const ResultType = { buildLogLine: 101, progress: 105, setExpected: 106, postBuildLogLine: 107 } as const;

const fields = z.array(z.union([z.string(), z.number()])).catch([]);
/** Made of a process id and a counter. One that is larger than a number can say exactly is a text of its digits. */
const id = z.union([z.number(), z.string()]);
export type ActivityId = z.infer<typeof id>;

const entrySchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('msg'), level: z.number(), msg: z.string() }),
  z.object({
    action: z.literal('start'),
    id,
    level: z.number(),
    type: z.number(),
    text: z.string().catch(''),
    parent: id.catch(0),
    fields,
  }),
  z.object({ action: z.literal('stop'), id }),
  z.object({ action: z.literal('result'), id, type: z.number(), fields }),
]);
export type NixEntry = z.infer<typeof entrySchema>;

/** What is behind `@nix ` on a line: `entry` is absent when nix knows it and this does not. Undefined when it is no JSON. */
export function parseNixEntry(text: string): { readonly entry?: NixEntry } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
    if (hasLargeIds(value)) value = JSON.parse(text, exactly);
  } catch {
    return undefined;
  }
  const entry = entrySchema.safeParse(value).data;
  return entry ? { entry } : {};
}

function hasLargeIds(value: unknown): boolean {
  const { id: own = 0, parent = 0 } = (value ?? {}) as { id?: unknown; parent?: unknown };
  return !Number.isSafeInteger(own) || !Number.isSafeInteger(parent);
}

/** A reviver that leaves numbers that cannot be said exactly as they are written. */
function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
}
