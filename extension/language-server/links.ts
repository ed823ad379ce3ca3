/** Links: an input to its repository at the locked revision, a host to the file that configures it. */
import type { DocumentLink } from 'vscode-languageserver';
import { revisionLink } from '../../flake-lock/index.ts';
import { rangeIn } from './ranges.ts';
import { lockedInput, type LockFile, type Snapshot } from './snapshot.ts';

/** The URI of a file of the flake, or of the default.nix in a folder of it; undefined where there is none. */
export type FileUri = (path: string) => string | undefined;

export function flakeLinks(snapshot: Snapshot, fileUri: FileUri): DocumentLink[] {
  const { flake, locale } = snapshot;
  if (!flake) return [];
  const { t } = locale;
  const inputs = flake.flake.inputs.flatMap(({ name, url }) => {
    const locked = lockedInput(snapshot, name)?.node.locked;
    const target = locked && revisionLink(locked);
    if (!url || target === undefined) return [];
    return [{ range: rangeIn(flake.document, url.at), target, tooltip: t('Show the locked revision') }];
  });
  const hosts = flake.flake.hosts.flatMap(({ at, files }) => {
    const target = files.map(fileUri).find(uri => uri !== undefined);
    return target === undefined
      ? []
      : [{ range: rangeIn(flake.document, at), target, tooltip: t('Open the configuration') }];
  });
  return [...inputs, ...hosts];
}

export function lockLinks({ locale }: Snapshot, { document, lock, places }: LockFile): DocumentLink[] {
  return [...places].flatMap(([key, { rev }]) => {
    const locked = lock?.nodes.get(key)?.locked;
    const target = locked && revisionLink(locked);
    if (!rev || target === undefined) return [];
    return [{ range: rangeIn(document, rev), target, tooltip: locale.t('Show the revision') }];
  });
}
