/** Nix's commands, by its version. */
import type { Query } from './query.ts';

/** Given to every nix command: the host's configuration need not enable flakes. */
export const FLAKES = ['--extra-experimental-features', 'nix-command flakes'] as const;

export interface NixVersion {
  readonly major: number;
  readonly minor: number;
}

/** The version in `nix --version`; of variants that name two (`Determinate Nix 3.6 … 2.29`), nix's own, the last. */
export function parseNixVersion(text: string): NixVersion | undefined {
  const last = [...text.matchAll(/\b(\d+)\.(\d+)(?:\.\d+)*/g)].at(-1);
  return last && { major: Number(last[1]), minor: Number(last[2]) };
}

/** Which nix there is; undefined when there is none, or one that does not say. */
export async function nixVersion(query: Query): Promise<NixVersion | undefined> {
  const { exitCode, stdout } = await query(['nix', '--version']);
  return exitCode === 0 ? parseNixVersion(stdout) : undefined;
}

/**
 * The command that moves one input of the flake in the current folder to its newest revision.
 * @param to a flake URL to lock instead; `original` in the lock stays as it is
 */
export function updateInputCommand(version: NixVersion, input: string, to?: string): readonly [string, ...string[]] {
  const override = to === undefined ? [] : ['--override-input', input, to];
  const hasUpdateOfOne = version.major > 2 || (version.major === 2 && version.minor >= 19);
  return hasUpdateOfOne
    ? ['nix', 'flake', 'update', input, ...override, ...FLAKES]
    : ['nix', 'flake', 'lock', '--update-input', input, ...override, ...FLAKES];
}

/** The command that builds an attribute of the flake in the current folder, with an out-link that is a GC root. */
export function buildCommand(attribute: string, outLink: string): readonly [string, ...string[]] {
  return [
    'nix',
    'build',
    `.#${attribute}`,
    '--out-link',
    outLink,
    '-L',
    '--log-format',
    'internal-json',
    // the lock is what the phase before recorded; what a build adds to it must not get lost unseen
    '--no-write-lock-file',
    ...FLAKES,
  ];
}
