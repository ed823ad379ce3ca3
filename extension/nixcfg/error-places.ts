import * as vscode from 'vscode';
import type { ErrorPlace } from './features-api.ts';
import { readText } from './nixcfg-folder.ts';
import { locate, parseNixErrors, relativeCandidate, type NixPlace } from './nix-errors.ts';

/** A place of an output that is in the workspace, and where in the output it is named. */
export interface LinkedPlace extends ErrorPlace {
  readonly at: NixPlace['at'];
}

/** Finds the files of nixcfg that the errors in an output name. Looks at each file once. */
export async function findErrorPlaces(
  folder: vscode.Uri,
  lines: readonly string[],
  checkout: string | undefined,
): Promise<readonly LinkedPlace[]> {
  const texts = new Map<string, Promise<string | undefined>>();
  const textOf = (path: string): Promise<string | undefined> => {
    const known = texts.get(path) ?? readText(vscode.Uri.joinPath(folder, path));
    texts.set(path, known);
    return known;
  };
  const found: LinkedPlace[] = [];
  for (const { message, places } of parseNixErrors(lines)) {
    for (const place of places) {
      const path = relativeCandidate(place.file, checkout);
      const text = path === undefined ? undefined : await textOf(path);
      const where = text === undefined ? undefined : locate(place, text);
      if (path === undefined || !where) continue;
      found.push({ uri: vscode.Uri.joinPath(folder, path), path, ...where, message, at: place.at });
    }
  }
  return found;
}

/** The first place of each error: what matters. */
export function firstOfEach(places: readonly LinkedPlace[]): readonly ErrorPlace[] {
  const seen = new Set<string>();
  return places.filter(({ message }) => !seen.has(message) && seen.add(message));
}
