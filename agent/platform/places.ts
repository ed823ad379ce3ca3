/** Where each platform keeps its generations, and by which name its agent is known to the service manager. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export type Platform = 'nixos' | 'home-manager' | 'nix-darwin' | 'local';

export interface Places {
  /** The link to the generation that runs. */
  readonly current: string;
  /** The profile: its link leads to the generation that boots, or was activated last. */
  readonly profile: string;
  /** The agent's unit; below launchd the label of its job. */
  readonly unit: string;
  /** Below launchd the folder with the plist of the agent's job. */
  readonly plists: string;
}

/** What the places of a user depend on. */
export interface Surroundings {
  readonly os: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly user: string;
  readonly exists: (path: string) => boolean;
}

/** What of the configuration decides. */
export interface Kind {
  readonly platform: Platform;
  readonly launcher: string;
}

/** Whether launchd keeps the agent: on a Mac, and where the configuration says so. */
export function isBelowLaunchd({ platform, launcher }: Kind, os: NodeJS.Platform = process.platform): boolean {
  return platform === 'nix-darwin' || (platform === 'home-manager' && (os === 'darwin' || launcher === 'launchd'));
}

/** Label of the root daemon that nix-darwin's module starts for what lies in the inbox. */
export const RUNNER_LABEL = 'org.nixfleet.runner';

/** The surroundings of this process. */
export function surroundings(env: NodeJS.ProcessEnv = process.env): Surroundings {
  const { username, homedir } = userInfo();
  return { os: process.platform, env, home: env['HOME'] ?? homedir, user: username, exists: existsSync };
}

/**
 * The platform's own places. Home Manager's are those that its activation uses (home-manager,
 * modules/lib-bash/activation-init.sh): in the user's state folder where that has profiles of nix, else among the global ones.
 */
export function placesOf({ platform, launcher }: Kind, here: Surroundings = surroundings()): Places {
  if (platform !== 'home-manager')
    return {
      current: '/run/current-system',
      profile: '/nix/var/nix/profiles/system',
      unit: platform === 'nix-darwin' ? 'org.nixfleet.agent' : 'nixfleet-agent.service',
      plists: '/Library/LaunchDaemons',
    };
  const { env, home, user, exists } = here;
  const state = stateHome(env, home);
  const nixState = env['NIX_STATE_DIR'] ?? '/nix/var/nix';
  const own = join(state, 'nix/profiles');
  const profiles = exists(own) ? own : join(nixState, 'profiles/per-user', user);
  const current = join(state, 'home-manager/gcroots/current-home');
  const legacyCurrent = join(nixState, 'gcroots/per-user', user, 'current-home');
  return {
    current: !exists(current) && exists(legacyCurrent) ? legacyCurrent : current,
    profile: join(profiles, 'home-manager'),
    unit: isBelowLaunchd({ platform, launcher }, here.os)
      ? 'org.nix-community.home.nixfleet-agent'
      : 'nixfleet-agent.service',
    plists: join(home, 'Library/LaunchAgents'),
  };
}

/** Where the agent keeps its state unless it is told otherwise. */
export function stateDirOf(platform: Platform, { env, home }: Surroundings = surroundings()): string {
  return platform === 'home-manager' ? join(stateHome(env, home), 'nixfleet-agent') : '/var/lib/nixfleet-agent';
}

function stateHome(env: NodeJS.ProcessEnv, home: string): string {
  return env['XDG_STATE_HOME'] ?? join(home, '.local/state');
}
