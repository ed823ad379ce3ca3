import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { processIdentitySchema } from './process-identity.ts';

/** Where the local relay listens. */
const listenSchema = z.object({
  /** An IP address of this machine. */
  host: z.string(),
  port: z.int().min(1).max(65535),
});
export type LocalListen = z.infer<typeof listenSchema>;

const stateSchema = z.object({
  version: z.literal(1),
  /** Of the relay's data, so that a window elsewhere that remembers a relay on 127.0.0.1 does not mistake another for it. */
  id: z.string(),
  listen: listenSchema,
  /** Undefined: it was stopped. */
  process: processIdentitySchema.optional(),
});
export type LocalRelayState = z.infer<typeof stateSchema>;

/** What is known of the local relay; undefined when there never was one, or the file says nothing that makes sense. */
export async function readState(path: string): Promise<LocalRelayState | undefined> {
  try {
    return stateSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Replaces the file: readers see the old or the new content. */
export async function writeState(path: string, state: LocalRelayState): Promise<void> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(own, path);
}
