import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { User } from './user.ts';

/** How a child is to be spawned. */
export interface Spawning {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { readonly uid?: number; readonly gid?: number };
}

/**
 * A command as another user, with all that user's groups, which a private input may be readable through. Node's own uid and gid
 * drop them (libuv calls setgroups(0) in the child), so on Linux setpriv(1) of util-linux sets them, and becomes the command:
 * same process, same group. Where it is not there, nor on a Mac, the child has its user's primary group alone.
 * @param env the child's environment, by whose PATH the command is found
 */
export function asUser(
  user: User,
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
): Spawning {
  const self = process.getuid?.();
  if (self === user.uid) return { file, args, options: {} };
  const { uid, gid } = user;
  const setpriv = self === 0 ? findSetpriv() : undefined;
  // what is not there is for spawn to say, not for setpriv
  if (setpriv === undefined || findProgram(file, env['PATH']) === undefined)
    return { file, args, options: { uid, gid } };
  return {
    file: setpriv,
    args: [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--', file, ...args],
    options: {},
  };
}

let knownSetpriv: { readonly path: string | undefined } | undefined;

/** setpriv(1), where there is one that knows what is asked of it; busybox has a smaller one. */
function findSetpriv(): string | undefined {
  knownSetpriv ??= { path: process.platform === 'linux' ? lookForSetpriv() : undefined };
  return knownSetpriv.path;
}

function lookForSetpriv(): string | undefined {
  const path = findProgram('setpriv', `${process.env['PATH'] ?? ''}:/run/current-system/sw/bin:/usr/bin:/bin`);
  if (path === undefined) return undefined;
  try {
    const help = execFileSync(path, ['--help'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return help.includes('--init-groups') ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Where a command is that a shell would find; undefined when it is nowhere. */
export function findProgram(file: string, path: string | undefined): string | undefined {
  if (file.includes('/')) return isProgram(file) ? file : undefined;
  const folders = (path ?? '').split(':').filter(folder => folder.startsWith('/'));
  return folders.map(folder => join(folder, file)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
