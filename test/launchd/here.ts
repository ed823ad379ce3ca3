/** For tests of what talks to launchd: the real one on a Mac, elsewhere the stand-in. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';
import { StandInLaunchd, type LaunchdOptions } from './launchd.ts';

export const IS_MAC = process.platform === 'darwin';
export const UID = process.getuid?.() ?? 0;

export interface Here {
  /** A folder of the test's own. */
  readonly folder: string;
  /** Where jobs of the user go, the best first: the screen's only where somebody is logged in there. */
  readonly domains: readonly string[];
  /** Not on a Mac. */
  readonly standIn: StandInLaunchd | undefined;
}

/** Before each test of a suite `launchctl` on the PATH is one that answers; afterwards nothing of the test is left in it. */
export function useLaunchd(options: LaunchdOptions = { second: 100 }): () => Here {
  let here: Here | undefined;
  const path = process.env['PATH'];
  beforeEach(async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nixfleet-launchd-')));
    const standIn = IS_MAC ? undefined : await StandInLaunchd.start(join(folder, 'launchd'), options);
    if (standIn) process.env['PATH'] = `${standIn.bin}:${path}`;
    here = { folder, domains: [`gui/${UID}`, `user/${UID}`], standIn };
  });
  afterEach(async () => {
    await here?.standIn?.close();
    if (IS_MAC) bootOutAll();
    process.env['PATH'] = path;
    rmSync(here?.folder ?? '', { recursive: true, force: true });
    here = undefined;
  });
  return () => {
    if (!here) throw new Error('there is no launchd outside of a test');
    return here;
  };
}

/** On a Mac the tests' jobs are in the user's own domains: each has a label that says so. */
export const TEST_LABEL = 'org.nixfleet.test';

function bootOutAll(): void {
  for (const domain of [`gui/${UID}`, `user/${UID}`])
    for (const label of labelsIn(domain)) {
      try {
        execFileSync('launchctl', ['bootout', `${domain}/${label}`], { stdio: 'ignore' });
      } catch {
        // it has ended by itself
      }
    }
}

function labelsIn(domain: string): string[] {
  try {
    const text = execFileSync('launchctl', ['print', domain], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return [...new Set(text.match(/org\.nixfleet\.(?:test|run)[.\w]*/g) ?? [])];
  } catch {
    return [];
  }
}
