// Evaluating the project's modules with the real nix of a test host, among the stand-ins for nixpkgs, Home Manager and
// nix-darwin that test hosts use (NIXFLEET_TEST_NIXPKGS_LIB: with the `lib` of a nixpkgs).
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from '../hosts/lab/host.ts';
import { sessionOn, type Evaluation } from './session.ts';

const PROJECT = join(import.meta.dirname, '../..');
const FOLDER = '/root/nixfleet';

/** An expression for all options of the modules: `Options` of scripts/options. */
export const OPTIONS = `import ${FOLDER}/test/nix/options.nix`;

const hostsWithFiles = new WeakSet<TestHost>();

/** Gives a host the files that expressions are evaluated with, once. */
export function bringFiles(host: TestHost): void {
  if (hostsWithFiles.has(host)) return;
  hostsWithFiles.add(host);
  const folder = host.pathOf(FOLDER);
  for (const part of ['nix', 'test/nixpkgs', 'test/home-manager', 'test/nix-darwin'])
    cpSync(join(PROJECT, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  const lib = process.env['NIXFLEET_TEST_NIXPKGS_LIB'];
  if (lib !== undefined) cpSync(lib, join(folder, 'test/nixpkgs/nixpkgs-lib'), { recursive: true });
  for (const file of ['evaluate.nix', 'options.nix'])
    cpSync(join(import.meta.dirname, file), join(folder, 'test/nix', file));
}

/**
 * Evaluates an expression in the scope of evaluate.nix (`home`, `mac`, `darwin`, …) to something that JSON can hold.
 */
export function evaluate(host: TestHost, expression: string): Promise<Evaluation> {
  return sessionOn(host).evaluate(`with import ${FOLDER}/test/nix/evaluate.nix; ${expression}`);
}

/** What an expression evaluates to. @throws with nix's words when it does not */
export async function valueOf<T>(host: TestHost, expression: string): Promise<T> {
  const evaluation = await evaluate(host, expression);
  if (!evaluation.ok) throw new Error(`${expression}\n${evaluation.error}`);
  return evaluation.value as T;
}

/** Nix's words about an expression that must not evaluate. @throws when it does */
export async function refusal(host: TestHost, expression: string): Promise<string> {
  const evaluation = await evaluate(host, expression);
  if (evaluation.ok) throw new Error(`evaluates, and should not: ${expression}`);
  return evaluation.error;
}
