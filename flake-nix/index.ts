/**
 * Reading flake.nix. In comes its text, which may be half typed; out go the inputs and hosts that it shows, with where
 * they stand. Nothing is evaluated: docs/nixcfg.md says what is found, and how. Imports nothing of the house.
 */

export { FlakeReader, readFlake } from './read-flake.ts';
export type { ReadFile } from './evaluate/evaluate.ts';
export { findNixfleetInput } from './find-nixfleet-input.ts';
export { HOST_KINDS } from './types.ts';
export type { Flake, FlakeHost, FlakeInput, FlakeOverride, HostKind, TextRange, Written } from './types.ts';
