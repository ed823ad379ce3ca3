import { realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AgentConfig } from '../config.ts';
import { currentUser, findUser, type User } from '../steps/user.ts';

/** Where a host's nixcfg is, and whose it is. */
export interface Nixcfg {
  /** The folder that holds flake.nix. */
  readonly path: string;
  readonly owner: User;
}

export type FindResult =
  | { readonly ok: true; readonly nixcfg: Nixcfg }
  | {
      readonly ok: false;
      readonly kind: 'nixcfg-not-found' | 'owner';
      readonly message: string;
      readonly advice: string;
    };

/**
 * Finds nixcfg: the configured path, which must be right if it is set, else the first of `~/Code/nixcfg` of the owner and
 * `/etc/nixos` that holds a flake.nix. To be asked by whoever may look into the owner's home.
 */
export function findNixcfg(
  config: Pick<AgentConfig, 'nixcfgPath' | 'owner'>,
  users: (who: string | number) => User | undefined = findUser,
): FindResult {
  const configured = config.owner === undefined ? undefined : users(config.owner);
  if (config.owner !== undefined && !configured)
    return {
      ok: false,
      kind: 'owner',
      message: `the configured owner of nixcfg, ${config.owner}, is no user of this host`,
      advice: 'Mend the option owner of the agent on this host.',
    };
  const tried = candidates(config, configured ?? currentUser()).map(path => ({ path, ...look(path) }));
  const found = tried.find(place => place.uid !== undefined);
  if (found?.uid === undefined) {
    const list = tried.map(({ path, problem }) => `${path} (${problem ?? 'unknown'})`).join(', ');
    return {
      ok: false,
      kind: 'nixcfg-not-found',
      message: config.nixcfgPath
        ? `the configured path of nixcfg holds no flake: ${list}`
        : `nixcfg was not found; tried ${list}`,
      advice: config.nixcfgPath
        ? 'Mend nixcfgPath (NIXFLEET_NIXCFG_PATH) on this host, or clone nixcfg there.'
        : 'Clone nixcfg to one of these places, or set nixcfgPath and owner in the agent’s options on this host.',
    };
  }
  const owner = configured ?? users(found.uid);
  if (!owner)
    return {
      ok: false,
      kind: 'owner',
      message: `${found.path} belongs to the user id ${found.uid}, which is no user of this host`,
      advice: 'Give the checkout to a user of the host, or set the option owner of the agent.',
    };
  // a link to the flake (as people put into /etc/nixos) stands for the folder it leads to, as nixos-rebuild has it
  return { ok: true, nixcfg: { path: dirname(realpathSync(join(found.path, 'flake.nix'))), owner } };
}

function candidates(config: Pick<AgentConfig, 'nixcfgPath'>, owner: User): string[] {
  return config.nixcfgPath ? [config.nixcfgPath] : [join(owner.home, 'Code/nixcfg'), '/etc/nixos'];
}

function look(path: string): { uid?: number; problem?: string } {
  try {
    const stat = statSync(join(path, 'flake.nix'));
    return stat.isFile() ? { uid: stat.uid } : { problem: 'its flake.nix is not a file' };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES') return { problem: 'may not be read' };
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return { problem: (error as Error).message };
    try {
      return statSync(path).isDirectory() ? { problem: 'no flake.nix in it' } : { problem: 'not a folder' };
    } catch {
      return { problem: 'does not exist' };
    }
  }
}
