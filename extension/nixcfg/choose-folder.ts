/** Which of the folders with a flake.nix is nixcfg. */

/** Finds a flake.nix at the top of the workspace, or a little below. */
export const FLAKES = '{flake.nix,*/flake.nix,*/*/flake.nix}';

export interface Candidate {
  /** URI. */
  readonly folder: string;
  /** Whether its flake.nix or flake.lock speaks of nixfleet. */
  readonly hasNixfleet: boolean;
}

export interface Choice {
  /** URI; undefined when there is none, or nobody can tell. */
  readonly folder: string | undefined;
  /** Whether a person has to say which it is. */
  readonly ask: boolean;
}

/** @param remembered what the person chose before */
export function chooseFolder(candidates: readonly Candidate[], remembered: string | undefined): Choice {
  if (candidates.some(({ folder }) => folder === remembered)) return { folder: remembered, ask: false };
  const [only, ...more] = candidates;
  if (!only || more.length === 0) return { folder: only?.folder, ask: false };
  const [ours, ...others] = candidates.filter(({ hasNixfleet }) => hasNixfleet);
  if (ours && others.length === 0) return { folder: ours.folder, ask: false };
  return { folder: undefined, ask: true };
}
