import { join } from 'node:path';
import * as z from 'zod';
import { reasonSchema, timeSchema, type RunId } from '../../protocol/index.ts';
import { readJsonFile } from './files.ts';
import { statePaths } from './layout.ts';

/**
 * Why a runner did not begin a run: written before any run directory of that request exists, read by the agent, which
 * tells the relay. `kind` is `busy`, `bad-request`, `other-content` or another of the runner's kinds.
 */
export const refusalSchema = reasonSchema.extend({ format: z.literal(1), at: timeSchema });
export type Refusal = z.infer<typeof refusalSchema>;

/** Where the refusal of a run lies. */
export function refusalPath(stateDir: string, runId: RunId): string {
  return join(statePaths(stateDir).runs, `${runId}.refused.json`);
}

/** The refusal of a run; undefined when it was not refused. */
export function readRefusal(stateDir: string, runId: RunId): Refusal | undefined {
  const read = readJsonFile(refusalPath(stateDir, runId), refusalSchema, 64 * 1024);
  return read.ok ? read.value : undefined;
}
