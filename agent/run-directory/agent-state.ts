import * as z from 'zod';
import { agentManifestSchema, timeSchema } from '../../protocol/index.ts';
import { processIdentitySchema } from '../process.ts';
import { readJsonFile } from './files.ts';

/**
 * What the agent at work says of itself in `statePaths().agent`, for the runner that must prove which agent runs. Written
 * whole by the agent at its start, and again whenever the relay greets it.
 */
export const agentStateSchema = processIdentitySchema.extend({
  format: z.literal(1),
  /** New at every start of the process, as in its hello. */
  instance: z.string().min(1).max(64),
  /** The manifest that lies beside the agent; null where it was started without one. */
  identity: agentManifestSchema.nullable(),
  startedAt: timeSchema,
  /** When the relay last greeted this process; absent while it has not. */
  helloAt: timeSchema.optional(),
});
export type AgentState = z.infer<typeof agentStateSchema>;

/** Reads the agent's state file; undefined when there is none or it cannot be read. */
export function readAgentState(path: string): AgentState | undefined {
  const read = readJsonFile(path, agentStateSchema, 64 * 1024);
  return read.ok ? read.value : undefined;
}
