/**
 * Talking to launchd through `launchctl`: its questions and commands, and what its answers mean. Exit codes are those of
 * launchctl(1) on macOS 10.10 and later: errno up to 106, launchd's own above.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

/** Milliseconds that launchd may take to answer. */
const ANSWER_MS = 20_000;

/** For so long launchd may answer 5 after a job of that label was booted out (ms). */
export const BOOTSTRAP_PATIENCE_MS = 15_000;
const BOOTSTRAP_PAUSE_MS = 500;

/** launchctl's exit codes that mean something here. */
export const CODE = {
  noSuchProcess: 3,
  /** Anything: most often the label is still being removed. */
  inputOutput: 5,
  inProgress: 36,
  alreadyInProgress: 37,
  noSuchDomain: 112,
  noSuchService: 113,
  disabled: 119,
  unsupportedByDomain: 125,
  wrongSession: 134,
} as const;

export interface Answer {
  /** launchctl's exit code; undefined when it could not be run or did not answer. */
  readonly code: number | undefined;
  readonly stdout: string;
  /** What it had to say, in one line. */
  readonly said: string;
}

/** Asks launchctl. Never throws. */
export async function launchctl(...args: readonly string[]): Promise<Answer> {
  const result = await execa('launchctl', args, {
    reject: false,
    stdin: 'ignore',
    timeout: ANSWER_MS,
    forceKillAfterDelay: 1000,
  });
  const words = `${result.stderr}\n${result.stdout}`.trim().replace(/\s*\n\s*/g, ' ');
  const said = result.timedOut
    ? `no answer within ${ANSWER_MS / 1000} s`
    : result.exitCode === undefined
      ? `launchctl could not be run (${result.code ?? 'unknown'})`
      : words.slice(0, 1000);
  return { code: result.exitCode, stdout: result.stdout, said };
}

/** A job as `launchctl print` shows it. */
export interface Job {
  /** `running`, `not running`, `spawn scheduled`, `SIGTERMed`, … */
  readonly state: string;
  readonly pid?: number;
  /** How it last ended, in launchd's words. */
  readonly lastExit?: string;
  readonly stdoutPath?: string;
  readonly stderrPath?: string;
}

/** Reads `launchctl print <domain>/<label>`. What lies deeper than one tab belongs to coalitions and the like. */
export function parseJob(text: string): Job {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(?:\t| {4})([a-z][a-z ]*) = (.*)$/.exec(line);
    if (match && !values.has(match[1] ?? '')) values.set(match[1] ?? '', match[2] ?? '');
  }
  const pid = Number(values.get('pid'));
  const code = values.get('last exit code');
  const ended = code?.startsWith('(never') ? undefined : code && `exit code ${code}`;
  const lastExit = ended ?? values.get('last terminating signal') ?? values.get('last exit reason');
  const stdoutPath = values.get('stdout path');
  const stderrPath = values.get('stderr path');
  return {
    state: values.get('state') ?? 'unknown',
    ...(pid > 0 && { pid }),
    ...(lastExit !== undefined && { lastExit }),
    ...(stdoutPath !== undefined && { stdoutPath }),
    ...(stderrPath !== undefined && { stderrPath }),
  };
}

/** The domains that a user's jobs may be in, the best first. `gui` is there only while the user is logged in at the screen. */
export function domainsOf(uid: number): readonly string[] {
  return uid === 0 ? ['system'] : [`gui/${uid}`, `user/${uid}`];
}

/** A job and the domain it is in. */
export interface Found {
  readonly domain: string;
  readonly job: Job;
}

/** Looks for a job in the domains: the one that runs, else the first that is loaded; undefined when none is. */
export async function findJob(domains: readonly string[], label: string): Promise<Found | undefined> {
  let loaded: Found | undefined;
  for (const domain of domains) {
    const answer = await launchctl('print', `${domain}/${label}`);
    if (answer.code !== 0) continue;
    const found = { domain, job: parseJob(answer.stdout) };
    if (found.job.pid !== undefined) return found;
    loaded ??= found;
  }
  return loaded;
}

/** Whether a job's process runs, is about to, or is being ended. */
export function isBusy({ state, pid }: Job): boolean {
  return pid !== undefined || (state !== 'not running' && state !== 'exited' && state !== 'unknown');
}

/** Whether launchctl says that there is no such domain: nobody is logged in there. */
export function lacksDomain({ code }: Answer): boolean {
  return code === CODE.unsupportedByDomain || code === CODE.noSuchDomain;
}

export type Bootstrapped =
  | { readonly ok: true }
  /** `no-domain`: that domain is not there. `pending`: may work a moment later. `refused`: will not work. */
  | { readonly ok: false; readonly kind: 'no-domain' | 'pending' | 'refused'; readonly why: string };

/** What the answer to a `bootstrap` means. Loaded already (37) is what was wanted; it is looked at by who asks. */
export function readBootstrap(answer: Answer): Bootstrapped {
  const { code } = answer;
  if (code === 0 || code === CODE.alreadyInProgress) return { ok: true };
  const why = explain(answer);
  if (lacksDomain(answer)) return { ok: false, kind: 'no-domain', why };
  const passes = code === CODE.inputOutput || code === CODE.inProgress || code === undefined;
  return { ok: false, kind: passes ? 'pending' : 'refused', why };
}

/**
 * Loads a job from its plist. Tried again for a while where launchd still clears up a job of that label.
 * @param patience milliseconds
 */
export async function bootstrap(
  domain: string,
  plist: string,
  patience = BOOTSTRAP_PATIENCE_MS,
): Promise<Bootstrapped> {
  const giveUpAt = performance.now() + patience;
  for (;;) {
    const result = readBootstrap(await launchctl('bootstrap', domain, plist));
    if (result.ok || result.kind !== 'pending' || performance.now() >= giveUpAt) return result;
    await delay(BOOTSTRAP_PAUSE_MS);
  }
}

/** Unloads a job and waits until launchd has forgotten its label; whether it has. */
export async function bootout(domain: string, label: string, patience = BOOTSTRAP_PATIENCE_MS): Promise<boolean> {
  const giveUpAt = performance.now() + patience;
  // `--wait` is known to macOS 26 and later only: ask until the label is gone
  await launchctl('bootout', `${domain}/${label}`);
  for (;;) {
    const { code } = await launchctl('print', `${domain}/${label}`);
    if (code !== 0 && code !== undefined) return true;
    if (performance.now() >= giveUpAt) return false;
    await delay(BOOTSTRAP_PAUSE_MS);
  }
}

/** launchctl's answer in a sentence, with what helps where that is known. */
export function explain({ code, said }: Answer): string {
  const words = said === '' ? `exit code ${code ?? 'unknown'}` : said;
  if (code === CODE.disabled) return `${words}; launchctl enable allows it again`;
  if (code === CODE.inputOutput)
    return `${words} (launchd says this while it clears up an earlier job of that label, and for one that is disabled)`;
  return words;
}
