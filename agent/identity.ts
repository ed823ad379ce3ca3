import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentManifestSchema, PROTOCOL, type AgentManifest } from '../protocol/index.ts';
import { readJsonFile } from './run-directory/files.ts';

declare const __NIXFLEET_VERSION__: string | undefined;
declare const __NIXFLEET_REV__: string | undefined;

/** Who this agent is. */
export interface AgentIdentity {
  readonly version: string;
  readonly rev: string;
  /** The newest protocol it speaks. */
  readonly protocol: number;
  /** What the package says of itself; absent for an agent that does not run from a package. */
  readonly manifest?: AgentManifest;
  /** Starts this very agent; arguments follow. */
  readonly program: readonly string[];
  /** The manifest is there and cannot be used: why, for people. */
  readonly problem?: string;
}

const MAX_MANIFEST_BYTES = 64 * 1024;

/**
 * Finds out who this agent is: by the manifest that lies beside its bundle (`../share/nixfleet/agent.json`), or where
 * `NIXFLEET_AGENT_MANIFEST` says. Without one its version is that of the build, or of the source tree it runs from.
 * @param mainUrl the `import.meta.url` of the program's main file
 */
export function findIdentity(mainUrl: string, env: NodeJS.ProcessEnv = process.env): AgentIdentity {
  const main = realpathSync(fileURLToPath(mainUrl));
  const path = env['NIXFLEET_AGENT_MANIFEST'] ?? resolve(dirname(main), '../share/nixfleet/agent.json');
  const read = readJsonFile(existsSync(path) ? realpathSync(path) : path, agentManifestSchema, MAX_MANIFEST_BYTES);
  const ownProgram = [process.execPath, main];
  if (read.ok) {
    const { version, rev, protocol, storePath } = read.value;
    const packaged = join(storePath, 'bin/nixfleet-agent');
    return {
      version,
      rev,
      protocol,
      manifest: read.value,
      program: existsSync(packaged) ? [packaged] : ownProgram,
    };
  }
  return {
    ...builtIdentity(main),
    protocol: PROTOCOL,
    program: ownProgram,
    ...(read.kind !== 'missing' && { problem: read.message }),
  };
}

function builtIdentity(main: string): { version: string; rev: string } {
  if (typeof __NIXFLEET_VERSION__ === 'string') {
    return {
      version: __NIXFLEET_VERSION__,
      rev: typeof __NIXFLEET_REV__ === 'string' ? __NIXFLEET_REV__ : 'unknown',
    };
  }
  return { version: sourceVersion(main) ?? 'dev', rev: 'unknown' };
}

function sourceVersion(main: string): string | undefined {
  try {
    const text = readFileSync(resolve(dirname(main), '../package.json'), 'utf8');
    return (JSON.parse(text) as { version?: string }).version;
  } catch {
    return undefined;
  }
}
