/** Nix's commands as the workspace runs them. Only ever in trusted workspaces: a flake is a program. */
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { HostKind } from '../../flake-nix/types.ts';

/** Given to every command: the machine's configuration need not enable flakes. */
const FLAKES = ['--extra-experimental-features', 'nix-command flakes'] as const;

/** Where Nix lies when the editor was started by a desktop that does not know it. */
const USUAL_FOLDERS = [
  '/run/current-system/sw/bin',
  '/nix/var/nix/profiles/default/bin',
  join(homedir(), '.nix-profile/bin'),
];

/** The program nix; undefined when there is none. No setting names it: a workspace could. */
export function findNix(path = process.env['PATH'] ?? ''): string | undefined {
  return [...path.split(delimiter), ...USUAL_FOLDERS]
    .filter(folder => folder.startsWith('/'))
    .map(folder => join(folder, 'nix'))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Prints the names of configurations as JSON, for the flake in the current folder. Neither writes nor updates its lock. The
 * dot makes nix look for that very output, and not in `packages` first; versions that do not know it are told by
 * {@link isUnknownDot}.
 */
export function namesCommand(kind: HostKind, dot = true): readonly string[] {
  const installable = `.#${dot ? '.' : ''}${kind}`;
  return ['eval', '--json', '--no-update-lock-file', installable, '--apply', 'builtins.attrNames', ...FLAKES];
}

/** `error: flake 'git+file:///…' does not provide attribute 'darwinConfigurations'`, or a list of attributes. */
export function isMissingOutput(stderr: string): boolean {
  return /does not provide attribute/.test(stderr);
}

/** Nix looked for an attribute whose name begins with the dot. */
export function isUnknownDot(stderr: string, kind: HostKind): boolean {
  return isMissingOutput(stderr) && !stderr.includes(`does not provide attribute '${kind}'`);
}

/** What {@link namesCommand} prints; undefined for anything else. */
export function parseNames(stdout: string): readonly string[] | undefined {
  try {
    const names: unknown = JSON.parse(stdout);
    return Array.isArray(names) && names.every(name => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Major and minor version in `nix --version`; of variants that name two, nix's own, the last. */
export function parseNixVersion(text: string): readonly [number, number] | undefined {
  const last = [...text.matchAll(/\b(\d+)\.(\d+)(?:\.\d+)*/g)].at(-1);
  return last && [Number(last[1]), Number(last[2])];
}

/** Finds the newest revision of one input and writes the lock that has it to another file. Nix 2.19 changed the words. */
export function updateInputCommand(
  [major, minor]: readonly [number, number],
  input: string,
  lockFile: string,
): readonly string[] {
  const words = major > 2 || minor >= 19 ? ['update', input] : ['lock', '--update-input', input];
  return ['flake', ...words, '--output-lock-file', lockFile, ...FLAKES];
}

/** The last line of an error that says what it is. */
export function nixProblem(stderr: string): string | undefined {
  const lines = stderr.split('\n').map(line => line.replace(/\u001b\[[\d;]*m/g, '').trim());
  return (
    lines.findLast(line => /^error: \S/.test(line))?.replace(/^error: /, '') ?? lines.findLast(line => line !== '')
  );
}
