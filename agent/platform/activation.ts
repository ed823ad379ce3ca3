/**
 * What the ending of an activation means. Exit codes and texts are those of NixOS' switch-to-configuration(-ng):
 * 0 all well, 1 refused or broken, 2 an activation script failed, 3 systemd did not reload, 4 some unit failed
 * (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng/src/main.rs).
 */
import { lastLines } from '../runner/last-lines.ts';
import type { RunReason } from '../runner/reason.ts';
import type { StepResult } from '../runner/step-runner.ts';
import type { Activation } from './rebuilder.ts';

/** The part of a step's result that decides. */
export type Ending = Pick<StepResult, 'exitCode' | 'signal' | 'stopped' | 'notStarted' | 'tail'>;

/** @param what names the program, for people */
export function activationOf(ending: Ending, what = 'switch-to-configuration'): Activation {
  if (ending.stopped) return { kind: 'failed', reason: ending.stopped.reason };
  if (ending.exitCode === 0) return { kind: 'done' };
  const text = new TextDecoder().decode(ending.tail);
  if (/Pre-switch check '?switchInhibitors'? failed|Found diff in switch inhibitors/.test(text))
    return {
      kind: 'refused',
      reason: {
        kind: 'needs-reboot',
        message: 'the new generation needs a reboot: it changes something that cannot be replaced while the host runs',
        advice: 'On the host: sudo nixos-rebuild boot in the checkout, and reboot when it suits.',
      },
    };
  const check = /Pre-switch check '([^']*)' failed/.exec(text);
  if (check || /Pre-switch checks failed/.test(text))
    return {
      kind: 'refused',
      reason: {
        kind: 'activation',
        message: `the new generation refused to be activated: its pre-switch check${check ? ` ${check[1] ?? ''}` : ''} failed`,
        advice: 'Mend what the check asks for, then run the update again.',
      },
    };
  if (/Could not acquire lock/.test(text))
    return {
      kind: 'refused',
      reason: {
        kind: 'switch-busy',
        message: 'somebody else is activating a generation on this host at this moment',
        advice: 'Wait until that has finished, then run the update again.',
      },
    };
  if (ending.exitCode === 4 || (/exit (?:status|code):? 4\b/.test(text) && /the following units failed/.test(text)))
    return { kind: 'units-failed' };
  return { kind: 'failed', reason: failed(ending, what, MEANING) };
}

/**
 * What the ending of a script `activate` of Home Manager or nix-darwin means: 0 is done, everything else is not. Their exit
 * codes are those of whatever command ended them.
 */
export function scriptEnding(ending: Ending): Activation {
  if (ending.stopped) return { kind: 'failed', reason: ending.stopped.reason };
  return ending.exitCode === 0 ? { kind: 'done' } : { kind: 'failed', reason: failed(ending, 'activate') };
}

const MEANING: Readonly<Record<number, string>> = {
  2: 'an activation script failed',
  3: 'systemd did not reload its units',
};

function failed(ending: Ending, what: string, meaning: Readonly<Record<number, string>> = {}): RunReason {
  const how = ending.notStarted
    ? `could not be started (${ending.notStarted.message.split('\n')[0] ?? ''})`
    : ending.signal
      ? `was ended by ${ending.signal}`
      : `ended with exit code ${ending.exitCode ?? 'unknown'}`;
  const why = meaning[ending.exitCode ?? -1] ?? lastLines(ending.tail, 1)[0];
  return {
    kind: 'activation',
    message: `${what} ${how}${why ? `: ${why}` : ''}`.slice(0, 2000),
    advice: 'Look at the last lines, mend the configuration, push, and run the update again.',
  };
}
