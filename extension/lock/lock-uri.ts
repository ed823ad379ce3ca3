import { runIdSchema, type RunId } from '../../protocol/index.ts';

/** Locks of runs as documents. Everything needed to show one stands in its URI. */
export const LOCK_SCHEME = 'nixfleet-lock';

export interface LockDocument {
  readonly host: string;
  readonly runId: RunId;
  readonly side: 'before' | 'after';
}

/** The parts of a vscode.Uri that names a lock. The path ends in `flake.lock`, so that it is shown as one. */
export interface LockUriParts {
  readonly scheme: string;
  readonly path: string;
  readonly query: string;
}

export function lockUri({ host, runId, side }: LockDocument): LockUriParts {
  const query = new URLSearchParams({ run: runId, side }).toString();
  return { scheme: LOCK_SCHEME, path: `/${host}/flake.lock`, query };
}

/** Which lock a URI names; undefined when it names none. */
export function parseLockUri({ scheme, path, query }: LockUriParts): LockDocument | undefined {
  const parameters = new URLSearchParams(query);
  const runId = runIdSchema.safeParse(parameters.get('run'));
  const side = parameters.get('side');
  const host = /^\/([^/]+)\/flake\.lock$/.exec(path)?.[1];
  if (scheme !== LOCK_SCHEME || !runId.success || host === undefined) return undefined;
  return side === 'before' || side === 'after' ? { host, runId: runId.data, side } : undefined;
}
