import { DEFAULT_CONFIG_PATH } from '../config.ts';
import type { RunnerProgram } from './launcher.ts';

const FALLBACK_PATH = [
  '/run/wrappers/bin',
  '/run/current-system/sw/bin',
  '/nix/var/nix/profiles/default/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** What of the agent's environment means something to a runner; everything else stays behind. */
const KEPT =
  /^(?:NIX_.*|NIXFLEET_.*|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|no|all)_proxy|HOME|TMPDIR|TZ|TZDIR|LANG|LC_.*|LOCALE_ARCHIVE.*|XDG_(?:RUNTIME_DIR|(?:STATE|DATA|CONFIG|CACHE)_HOME)|DBUS_SESSION_BUS_ADDRESS)$/i;

/**
 * The program and the clean environment of a runner.
 * @param argv starts this very agent, so that the runner is of its version
 * @param configPath where the configuration was read from
 */
export function runnerProgram(
  argv: readonly string[],
  configPath: string = DEFAULT_CONFIG_PATH,
  env: NodeJS.ProcessEnv = process.env,
): RunnerProgram {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && KEPT.test(name)) environment[name] = value;
  const path = (env['PATH'] ?? '').split(':').filter(folder => folder.startsWith('/'));
  environment['PATH'] = [...path, ...FALLBACK_PATH.filter(folder => !path.includes(folder))].join(':');
  environment['NIXFLEET_CONFIG'] = configPath;
  return { argv, environment };
}
