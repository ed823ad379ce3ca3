import * as z from 'zod';
import { runIdSchema } from '../../protocol/index.ts';
import { isRunning, processIdentitySchema } from '../process.ts';
import { readJsonFile } from './files.ts';

/** The process that works on a run: `runPaths().runner`. */
export const runnerFileSchema = processIdentitySchema.extend({
  format: z.literal(1),
  /** The child it waits for; its pid is that of its process group too. What a dead runner may have left behind. */
  child: processIdentitySchema.extend({ step: z.int().positive() }).optional(),
});
export type RunnerFile = z.infer<typeof runnerFileSchema>;

/** The run that holds the lock of "one run at a time": `statePaths().holder`. */
export const lockHolderSchema = processIdentitySchema.extend({ format: z.literal(1), runId: runIdSchema });
export type LockHolder = z.infer<typeof lockHolderSchema>;

/** The runner at work in a run directory; undefined when none is, whatever the file says. */
export function readLiveRunner(path: string): RunnerFile | undefined {
  const read = readJsonFile(path, runnerFileSchema, 64 * 1024);
  return read.ok && isRunning(read.value) ? read.value : undefined;
}

/** The live holder of the lock, for messages; the lock itself is the kernel's. */
export function readLiveHolder(path: string): LockHolder | undefined {
  const read = readJsonFile(path, lockHolderSchema, 64 * 1024);
  return read.ok && isRunning(read.value) ? read.value : undefined;
}
