/** Somebody else who activates a generation at this moment, where the platform has no lock that would say so. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { RunReason } from '../runner/reason.ts';

/** The command lines of this host's processes, arguments by spaces. Empty where they cannot be listed. */
export function commandLines(): readonly string[] {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n');
    // what runs in a container is an activation of another host
    const here = pidNamespace('self');
    return readdirSync('/proc').flatMap(name =>
      /^\d+$/.test(name) && pidNamespace(name) === here ? commandLine(name) : [],
    );
  } catch {
    return [];
  }
}

function pidNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function commandLine(pid: string): string[] {
  try {
    return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()];
  } catch {
    return [];
  }
}

/** The first command line that is a person's rebuild or an activation of the platform. */
export function findActivation(platform: 'home-manager' | 'nix-darwin', lines: readonly string[]): string | undefined {
  const pattern = {
    // the shell in front is the script's own interpreter
    'home-manager':
      /^(?:\S*\/(?:ba)?sh (?:-\S+ )*)?\S*(?:-home-manager-generation(?:\/specialisation\/[^/ ]+)?\/activate\b|\/home-manager (?:.* )?switch\b)/,
    'nix-darwin':
      /^(?:\S*\/(?:ba)?sh (?:-\S+ )*)?\S*(?:-darwin-system-[^/ ]+\/activate\b|\/darwin-rebuild (?:.* )?(?:switch|activate)\b)/,
  }[platform];
  return lines.find(line => pattern.test(line));
}

/** Why an activation must not begin now; undefined where nobody is seen. */
export function somebodyElse(
  platform: 'home-manager' | 'nix-darwin',
  lines: readonly string[] = commandLines(),
): RunReason | undefined {
  const line = findActivation(platform, lines);
  if (line === undefined) return undefined;
  return {
    kind: 'switch-busy',
    message: `somebody else is activating a generation on this host at this moment: ${line.slice(0, 200)}`,
    advice: 'Wait until that has finished, then run the update again.',
  };
}
