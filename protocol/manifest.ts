import * as z from 'zod';

/**
 * The file `etc/nixfleet/agent.json` in a generation: which agent that generation carries. The same file lies beside
 * the agent itself (`share/nixfleet/agent.json`), so a running agent knows its own identity.
 */
export const agentManifestSchema = z.object({
  format: z.literal(1),
  /** Store path of the agent's package, the prefix of every path it runs from. */
  storePath: z.string().regex(/^\/[^\s]+$/, 'a store path is absolute'),
  version: z.string().min(1).max(64),
  /** Revision of the nixfleet flake, or the narHash of its tree where there is none. */
  rev: z.string().min(1).max(128),
  /** The newest protocol the agent speaks. */
  protocol: z.int().positive(),
});
export type AgentManifest = z.infer<typeof agentManifestSchema>;

/** Where the manifest lies below a generation's toplevel. */
export const AGENT_MANIFEST_PATH = 'etc/nixfleet/agent.json';
