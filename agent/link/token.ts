import { realpathSync, statSync } from 'node:fs';
import { readSmallFile } from '../run-directory/files.ts';

export type TokenResult =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly message: string; readonly advice: string };

const MAX_TOKEN_BYTES = 4096;

/** Where systemd puts the credentials of a service (systemd.exec(5), LoadCredential=): a copy that the service did not make. */
const CREDENTIALS = '/run/credentials/';

/** What to do where there is no token. */
function howToGetOne(path: string): string {
  const enrol = 'Enrol this host at the relay (nixfleet-relay enroll HOST) and put the token that it prints into';
  return path.startsWith(CREDENTIALS)
    ? `${enrol} the file that services.nixfleet-agent.tokenFile names; the agent takes it as soon as it is there.`
    : `${enrol} ${path}.`;
}

/**
 * Reads the host's token. The path may be a link (as credentials of systemd and agenix are); what it leads to must be a
 * small file with one word in it. Messages never hold any of its content.
 */
export function readToken(path: string): TokenResult {
  const isCredential = path.startsWith(CREDENTIALS);
  let target: string;
  try {
    target = realpathSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && isCredential)
      return {
        ok: false,
        message: `there is no ${path}, which systemd makes while the agent's service runs`,
        advice: 'The agent is not running: systemctl status nixfleet-agent',
      };
    return {
      ok: false,
      message: `the token file ${path} ${missing ? 'does not exist' : `cannot be opened: ${(error as Error).message}`}`,
      advice: missing ? howToGetOne(path) : whoMayRead(isCredential),
    };
  }
  const read = readSmallFile(target, MAX_TOKEN_BYTES);
  if (!read.ok) {
    return { ok: false, message: `the token file ${read.message}`, advice: whoMayRead(isCredential) };
  }
  const token = read.value.toString('latin1').trim();
  if (token === '') {
    // the module gives the service an empty credential where there is no file, which would keep it from starting
    const message = isCredential ? 'there is no token for this host yet' : `the token file ${path} is empty`;
    return { ok: false, message, advice: howToGetOne(path) };
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    return {
      ok: false,
      message: `the token file ${path} holds something else than one token`,
      advice: 'It holds the token that the relay printed at the enrolment, and nothing else.',
    };
  }
  return { ok: true, token };
}

function whoMayRead(isCredential: boolean): string {
  return isCredential
    ? 'Only root and the agent itself may read it: run this as root.'
    : 'The agent must be able to read it.';
}

/** Changes when somebody writes a file anew; undefined while there is none that can be seen. */
export function fileStamp(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return undefined;
  }
}
