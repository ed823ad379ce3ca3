/** What a flake.nix says, once read. Only types: any bundle may import this file. */

/** A part of flake.nix, in UTF-16 units from 0. */
export interface TextRange {
  readonly from: number;
  readonly to: number;
}

/** The outputs that hosts are configured in. */
export const HOST_KINDS = ['nixosConfigurations', 'homeConfigurations', 'darwinConfigurations'] as const;
export type HostKind = (typeof HOST_KINDS)[number];

export interface FlakeInput {
  readonly name: string;
  /** Where its name is written first. */
  readonly at: TextRange;
  /** Where the source comes from, when it is written as a URL. */
  readonly url?: Written;
  /** Where the source comes from, when it is written as attributes: `type`, `owner`, … */
  readonly attributes: ReadonlyMap<string, string>;
  /** The input that it follows, from the root: `nixpkgs`, `home-manager/nixpkgs`. */
  readonly follows?: Written;
  /** Inputs of the input that are told to follow others. */
  readonly overrides: readonly FlakeOverride[];
  /** Not among `inputs`: named by the function `outputs` only, and found in the flake registry. */
  readonly implicit: boolean;
}

export interface FlakeOverride {
  readonly name: string;
  readonly at: TextRange;
  readonly follows?: Written;
}

/** A string and where it is written. */
export interface Written {
  readonly text: string;
  readonly at: TextRange;
}

export interface FlakeHost {
  readonly kind: HostKind;
  readonly name: string;
  /** Where its name is written; where it is written in another file, what brings that file in. */
  readonly at: TextRange;
  /** Files of the flake that configure it, as far as the text tells, the most particular first: `hosts/web.nix`. */
  readonly files: readonly string[];
}

export interface Flake {
  readonly inputs: readonly FlakeInput[];
  readonly hosts: readonly FlakeHost[];
  /** Kinds of which there may be more hosts than the text tells. */
  readonly open: ReadonlySet<HostKind>;
  /** Where the set `inputs` is written, if it is. */
  readonly inputsAt?: TextRange;
  /** Where `outputs` is written, if it is. */
  readonly outputsAt?: TextRange;
}
