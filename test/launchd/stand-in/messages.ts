/** Part of the stand-in for launchd: launchctl's exit codes and their words, as macOS has them (`launchctl error CODE`). */

const WORDS: Readonly<Record<number, string>> = {
  1: 'Operation not permitted',
  3: 'No such process',
  5: 'Input/output error',
  36: 'Operation now in progress',
  37: 'Operation already in progress',
  109: 'Invalid property list',
  112: 'Could not find specified domain',
  113: 'Could not find specified service',
  119: 'Service is disabled',
  122: 'Path had bad ownership/permissions',
  125: 'Domain does not support specified action',
  134: 'Service cannot load in requested session',
  139: 'Service cannot presently execute',
};

export interface Reply {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function well(stdout = ''): Reply {
  return { code: 0, stdout, stderr: '' };
}

/** @param what `Bootstrap`, `Boot-out`, … */
export function failed(what: string, code: number, more = ''): Reply {
  const hint = what === 'Bootstrap' && code === 5 ? 'Try re-running the command as root for richer errors.\n' : '';
  return { code, stdout: '', stderr: `${what} failed: ${code}: ${wordsOf(code)}\n${hint}${more}` };
}

export function noService(label: string, domain: string): Reply {
  const stderr = `Bad request.\nCould not find service "${label}" in domain for ${inWords(domain)}\n`;
  return { code: 113, stdout: '', stderr };
}

export function noDomain(domain: string): Reply {
  return { code: 112, stdout: '', stderr: `Bad request.\nCould not find domain for ${inWords(domain)}\n` };
}

export function usage(text: string): Reply {
  return { code: 64, stdout: '', stderr: `${text}\n` };
}

export function wordsOf(code: number): string {
  return WORDS[code] ?? `unknown error code`;
}

/** A domain as launchctl names it in messages. */
function inWords(domain: string): string {
  const [kind, uid] = domain.split('/');
  return kind === 'gui' ? `user gui: ${uid ?? ''}` : kind === 'user' ? `user: ${uid ?? ''}` : 'system';
}
