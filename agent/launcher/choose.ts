import { existsSync } from 'node:fs';
import type { AgentConfig } from '../config.ts';
import type { Launcher, RunnerProgram } from './launcher.ts';
import { SetsidLauncher } from './setsid.ts';
import { SystemdLauncher } from './systemd.ts';

/** There exactly while systemd is the host's init (sd_booted(3)). */
const SYSTEMD_IS_INIT = '/run/systemd/system';

/** The launcher that the configuration names; `auto` takes systemd where it is the init and we may ask it as root. */
export function chooseLauncher(config: Pick<AgentConfig, 'launcher' | 'stateDir'>, program: RunnerProgram): Launcher {
  const canAskSystemd = existsSync(SYSTEMD_IS_INIT) && process.getuid?.() === 0;
  const useSystemd = config.launcher === 'systemd' || (config.launcher === 'auto' && canAskSystemd);
  return useSystemd ? new SystemdLauncher(program, config.stateDir) : new SetsidLauncher(program, config.stateDir);
}
