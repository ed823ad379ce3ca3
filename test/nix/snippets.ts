import { readFileSync } from 'node:fs';

/**
 * The fenced blocks of a page of documentation that say what they are for, by that: "nix file=nixos/flake.nix" →
 * `file=nixos/flake.nix`. Several of one name are a mistake.
 */
export function snippetsOf(path: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', text = ''] of readFileSync(path, 'utf8').matchAll(/^```\w+ (\S+=\S+)\n([\s\S]*?)^```$/gm)) {
    if (found.has(name)) throw new Error(`${path} has two snippets ${name}`);
    found.set(name, text);
  }
  return found;
}

/** @throws when the page has no such snippet */
export function snippet(snippets: ReadonlyMap<string, string>, name: string): string {
  const text = snippets.get(name);
  if (text === undefined) throw new Error(`there is no snippet ${name}`);
  return text;
}
