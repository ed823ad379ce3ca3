/** From the inbox to a run directory: the request is read as untrusted, checked again, and kept as it came. */
import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { parseRequest, requestBytes, MAX_REQUEST_BYTES, type RunId, type UpdateRequest } from '../../protocol/index.ts';
import { readSmallFile, syncFolder, writeFileAtomically, type ReadResult } from '../run-directory/files.ts';
import { InboxFolder } from '../run-directory/inbox-folder.ts';
import { inboxEntrySchema, type InboxEntry } from '../run-directory/inbox-entry.ts';
import { inboxPaths, runPaths, statePaths } from '../run-directory/layout.ts';
import { refusalPath, type Refusal } from '../run-directory/refusal.ts';

/** Bytes that an inbox entry may have: the request in base64 and what stands around it. */
export const MAX_INBOX_ENTRY_BYTES = 64 * 1024;

/** Characters of a refusal's message; a request that holds nonsense is named in it. */
const MAX_MESSAGE = 1000;

export type Intake =
  /** Nothing lies in the inbox. */
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly refusal: Omit<Refusal, 'format' | 'at'> }
  | {
      readonly kind: 'request';
      readonly entry: InboxEntry;
      readonly bytes: Uint8Array;
      readonly request: UpdateRequest;
    };

/** Reads what the agent left for a run. */
export function readInbox(stateDir: string, runId: RunId, host: string, now = Date.now()): Intake {
  const read = readEntry(stateDir, runId);
  if (!read.ok)
    return read.kind === 'missing'
      ? { kind: 'none' }
      : refused('bad-request', `the request was not taken: ${read.message}`);
  const entry = read.value;
  if (entry.envelope.runId !== runId)
    return refused('bad-request', `the request was put under the name of another run, ${entry.envelope.runId}`);
  const bytes = requestBytes(entry.envelope);
  const parsed = parseRequest(bytes, runId);
  if (!parsed.ok) return refused('bad-request', parsed.message);
  const { request } = parsed;
  if (request.host !== host) return refused('wrong-host', `the request is for host ${request.host}; this is ${host}`);
  if (request.expiresAt <= now)
    return refused(
      'expired',
      `the request expired at ${new Date(request.expiresAt).toISOString()}, before this host began it`,
      'Ask again; if it happens at once, compare this host’s clock with yours.',
    );
  return { kind: 'request', entry, bytes, request };
}

function readEntry(stateDir: string, runId: RunId): ReadResult<InboxEntry> {
  const opened = InboxFolder.open(stateDir);
  if (!opened.ok) return opened;
  using inbox = opened.inbox;
  return inbox.readJson(basename(inboxPaths(stateDir, runId).request), inboxEntrySchema, MAX_INBOX_ENTRY_BYTES);
}

function refused(kind: string, message: string, advice?: string): Intake {
  return { kind: 'refused', refusal: { kind, message, ...(advice !== undefined && { advice }) } };
}

/** Tells the agent why a run is not begun, and takes its request out of the inbox. */
export function refuse(stateDir: string, runId: RunId, refusal: Omit<Refusal, 'format' | 'at'>): void {
  mkdirSync(statePaths(stateDir).runs, { recursive: true, mode: 0o751 });
  // the words may be those of the request
  const full: Refusal = { format: 1, at: Date.now(), ...refusal, message: refusal.message.slice(0, MAX_MESSAGE) };
  writeFileAtomically(refusalPath(stateDir, runId), `${JSON.stringify(full)}\n`);
  clearInbox(stateDir, runId);
}

/** Takes what asked for a run, or for its runner, out of the inbox. What cannot be taken out is no reason to leave a run. */
export function clearInbox(stateDir: string, runId: RunId): void {
  const { request, wake } = inboxPaths(stateDir, runId);
  const opened = InboxFolder.open(stateDir);
  if (!opened.ok) return;
  using inbox = opened.inbox;
  for (const path of [request, wake]) {
    try {
      inbox.remove(basename(path));
    } catch (error) {
      process.stderr.write(`${path} cannot be removed: ${(error as Error).message}\n`);
    }
  }
}

/** The request that a run directory was made for; undefined when there is none. */
export function readKeptRequest(stateDir: string, runId: RunId): Uint8Array | undefined {
  const read = readSmallFile(runPaths(stateDir, runId).request, MAX_REQUEST_BYTES);
  return read.ok ? read.value : undefined;
}

/** Makes the run directory. Others may pass through it to what is theirs, the group may read. */
export function keepRequest(stateDir: string, runId: RunId, entry: InboxEntry, bytes: Uint8Array): void {
  const paths = runPaths(stateDir, runId);
  mkdirSync(statePaths(stateDir).runs, { recursive: true, mode: 0o751 });
  mkdirSync(paths.dir, { recursive: true, mode: 0o751 });
  const { envelope, broughtBy, receivedAt } = entry;
  const { keyId, signature } = envelope;
  writeFileAtomically(paths.request, bytes);
  writeFileAtomically(
    paths.envelope,
    `${JSON.stringify({ format: 1, runId, keyId, signature, broughtBy, receivedAt, takenAt: Date.now() })}\n`,
  );
  syncFolder(statePaths(stateDir).runs);
}
