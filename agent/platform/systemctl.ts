/** Asking systemd: the system's, or a user's own. */
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import type { AgentConfig } from '../config.ts';

/** `system`: PID 1. `user`: the service manager of the user that asks (`systemctl --user`). */
export type SystemdScope = 'system' | 'user';

/** Which systemd the units of a platform belong to: those of Home Manager are the user's own. */
export function systemdScope(platform: AgentConfig['platform']): SystemdScope {
  return platform === 'home-manager' ? 'user' : 'system';
}

/** There exactly while systemd is the host's init (sd_booted(3)). */
const SYSTEMD_IS_INIT = '/run/systemd/system';

/** Whether this process may expect to be obeyed: as root by PID 1, as anybody by one's own service manager where one is up. */
export function mayUseSystemd(scope: SystemdScope, env: NodeJS.ProcessEnv = process.env): boolean {
  if (!existsSync(SYSTEMD_IS_INIT)) return false;
  if (scope === 'system') return process.getuid?.() === 0;
  const runtimeDir = scopeEnvironment(scope, env)['XDG_RUNTIME_DIR'];
  return runtimeDir !== undefined && existsSync(`${runtimeDir}/systemd`);
}

/**
 * What systemd's tools need to find the right service manager. A process that no login began (cron, `sudo -u`, some SSH set-ups)
 * lacks XDG_RUNTIME_DIR; pam_systemd(8) puts it where it is looked for here.
 */
export function scopeEnvironment(
  scope: SystemdScope,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> {
  if (scope === 'system') return {};
  const runtimeDir = env['XDG_RUNTIME_DIR'] ?? '';
  return { XDG_RUNTIME_DIR: runtimeDir === '' ? `/run/user/${process.getuid?.() ?? ''}` : runtimeDir };
}

/** Milliseconds that systemd may take to answer. */
const DEADLINE = 20_000;

export interface SystemdAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  /** What went wrong, in systemd's words where it has some. Empty when all is well. */
  readonly complaint: string;
}

/** Runs one of systemd's tools without a question to anybody. Never rejects. */
export async function askSystemd(
  scope: SystemdScope,
  [tool, ...args]: readonly ['systemctl' | 'systemd-run' | 'journalctl', ...string[]],
): Promise<SystemdAnswer> {
  const result = await execa(tool, scope === 'user' ? ['--user', ...args] : args, {
    reject: false,
    stdin: 'ignore',
    timeout: DEADLINE,
    forceKillAfterDelay: 1000,
    env: { LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', ...scopeEnvironment(scope) },
  });
  const { exitCode, stdout, stderr, timedOut, code } = result;
  if (exitCode === 0) return { ok: true, stdout, complaint: '' };
  const said = [stderr, stdout].find(text => text.trim() !== '')?.trim();
  const ending = exitCode === undefined ? (code ?? 'it could not be run') : `exit code ${exitCode}`;
  const complaint = timedOut ? `no answer within ${DEADLINE / 1000} s` : (said ?? `${tool}: ${ending}`);
  return { ok: false, stdout, complaint };
}

/** Whether a unit is up, or about to be: also in the second before a restart, and while its start waits in the queue. */
export async function isUnitAlive(scope: SystemdScope, unit: string): Promise<boolean> {
  const { stdout } = await askSystemd(scope, ['systemctl', 'show', '--property=ActiveState,Job', unit]);
  return /^ActiveState=(?:active|activating|reloading|deactivating)$/m.test(stdout) || /^Job=[1-9]/m.test(stdout);
}
