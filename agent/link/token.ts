import { realpathSync, statSync } from 'node:fs';
import { readSmallFile } from '../run-directory/files.ts';

export type TokenResult =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly message: string; readonly advice: string };

const MAX_TOKEN_BYTES = 4096;

/**
 * Reads the host's token. The path may be a link (as credentials of systemd and agenix are); what it leads to must be a
 * small file with one word in it. Messages never hold any of its content.
 */
export function readToken(path: string): TokenResult {
  let target: string;
  try {
    target = realpathSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return {
      ok: false,
      message: `the token file ${path} ${missing ? 'does not exist' : `cannot be opened: ${(error as Error).message}`}`,
      advice: `Enrol this host at the relay (nixfleet-relay enroll HOST) and put the token that it prints into ${path}.`,
    };
  }
  const read = readSmallFile(target, MAX_TOKEN_BYTES);
  if (!read.ok) {
    return { ok: false, message: `the token file ${read.message}`, advice: 'The agent must be able to read it.' };
  }
  const token = read.value.toString('latin1').trim();
  if (!/^[\x21-\x7e]+$/.test(token)) {
    return {
      ok: false,
      message: `the token file ${path} ${token === '' ? 'is empty' : 'holds something else than one token'}`,
      advice: 'It holds the token that the relay printed at the enrolment, and nothing else.',
    };
  }
  return { ok: true, token };
}

/** Changes when somebody writes a file anew; undefined while there is none. */
export function fileStamp(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
}
