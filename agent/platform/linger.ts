import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { AgentConfig } from '../config.ts';

/** systemd-logind's marks, a file for each user that lingers. */
const LINGERING = '/var/lib/systemd/linger';
/** There exactly while systemd is the host's init (sd_booted(3)). */
const SYSTEMD_IS_INIT = '/run/systemd/system';

export interface LingerProblem {
  readonly message: string;
  readonly advice: string;
}

/**
 * systemd ends a user's services at the last logout, and does not start them at boot, unless the user lingers (loginctl(1)).
 * @param exists whether there is such a file
 * @returns undefined where the agent is nobody's home's, or its user lingers
 */
export function lingerProblem(
  { platform }: Pick<AgentConfig, 'platform'>,
  exists: (path: string) => boolean = existsSync,
  user: string = userInfo().username,
): LingerProblem | undefined {
  if (platform !== 'home-manager' || !exists(SYSTEMD_IS_INIT) || exists(join(LINGERING, user))) return undefined;
  return {
    message: `${user} does not linger: the agent ends when ${user} logs out, and does not start at boot`,
    advice: `Once: sudo loginctl enable-linger ${user} (on NixOS: users.users.${user}.linger = true)`,
  };
}
