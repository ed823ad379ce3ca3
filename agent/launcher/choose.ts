import type { AgentConfig } from '../config.ts';
import { mayUseSystemd, systemdScope } from '../platform/systemctl.ts';
import { InboxLauncher } from './inbox.ts';
import { LaunchdLauncher } from './launchd.ts';
import type { Launcher, RunnerProgram } from './launcher.ts';
import { SetsidLauncher } from './setsid.ts';
import { SystemdUnitLauncher } from './systemd-unit.ts';
import { SystemdLauncher } from './systemd.ts';

type LauncherKind = AgentConfig['launcher'];

/** The launcher that the configuration names. */
export function chooseLauncher(
  config: Pick<AgentConfig, 'launcher' | 'platform' | 'stateDir'>,
  program: RunnerProgram,
): Launcher {
  const kind = config.launcher === 'auto' ? automatic(config) : config.launcher;
  switch (kind) {
    case 'systemd':
      return new SystemdLauncher(program, config.stateDir, systemdScope(config.platform));
    case 'systemd-unit':
      return new SystemdUnitLauncher();
    case 'inbox':
      return new InboxLauncher(config.stateDir);
    case 'launchd':
      return new LaunchdLauncher(program, config.stateDir);
    case 'setsid':
      return new SetsidLauncher(program, config.stateDir);
  }
}

/** Jobs on a Mac, units where systemd obeys. What needs a module beside the agent (`systemd-unit`, `inbox`), the module names. */
function automatic({ platform }: Pick<AgentConfig, 'platform'>): Exclude<LauncherKind, 'auto'> {
  if (process.platform === 'darwin') return 'launchd';
  return mayUseSystemd(systemdScope(platform)) ? 'systemd' : 'setsid';
}
