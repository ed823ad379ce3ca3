import type { AgentConfig } from '../config.ts';
import type { User } from './user.ts';

/** What the host's configuration gives to git, ssh and nix. */
export interface Access {
  readonly sshKeyFile?: string | undefined;
  readonly knownHosts?: string | undefined;
  readonly accessTokensFile?: string | undefined;
  /** `core.sshCommand` of the owner's git, which these options are added to. */
  readonly sshCommand?: string | undefined;
}

/** What the host's configuration says, with the owner's own `core.sshCommand` where there is one. */
export function accessOf(config: Pick<AgentConfig, 'git' | 'nix'>, sshCommand?: string): Access {
  return { ...config.git, ...config.nix, sshCommand };
}

const FALLBACK_PATH = [
  '/run/current-system/sw/bin',
  '/nix/var/nix/profiles/default/bin',
  '/usr/bin',
  '/bin',
  '/usr/sbin',
  '/sbin',
  // last: root's children come by here, and where Homebrew is, a person may write into it
  '/usr/local/bin',
];

/** Where children find programs: where this process does, and where they are on hosts. */
export function childPath(base: Readonly<Record<string, string | undefined>> = process.env): string {
  const path = (base['PATH'] ?? '').split(':').filter(folder => folder.startsWith('/'));
  return [...path, ...FALLBACK_PATH.filter(folder => !path.includes(folder))].join(':');
}

/** Kept from the runner's own environment: where nix and certificates are, and the way out of a guarded network. */
const KEPT = /^(?:NIX_.*|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|no|all)_proxy|TMPDIR|TZDIR|LOCALE_ARCHIVE.*)$/i;

/**
 * The environment of a child: nothing that could ask a question or change what tools print, and of the runner's own only
 * what finds programs and networks.
 */
export function childEnvironment(
  user: User,
  access: Access,
  base: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base))
    if (value !== undefined && (KEPT.test(name) || (name === 'SSH_AUTH_SOCK' && user.home === base['HOME'])))
      env[name] = value;
  const nixConfig = [base['NIX_CONFIG'], access.accessTokensFile && `!include ${access.accessTokensFile}`];
  return {
    ...env,
    PATH: childPath(base),
    HOME: user.home,
    USER: user.name,
    LOGNAME: user.name,
    LC_ALL: 'C.UTF-8',
    LANGUAGE: '',
    TERM: 'dumb',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: sshCommand(access),
    ...gitSettings(),
    ...(nixConfig.some(Boolean) && { NIX_CONFIG: nixConfig.filter(Boolean).join('\n') }),
  };
}

/**
 * How git works in somebody's checkout: without background work that outlives the step, and so that what a branch points to
 * is on the disk before the branch is (by default git does not wait for loose objects).
 */
const ALWAYS: Readonly<Record<string, string>> = { 'gc.auto': '0', 'maintenance.auto': 'false', 'core.fsync': 'all' };

/** Variables that set git's configuration over everybody's files (GIT_CONFIG_COUNT of git-config(1)). */
export function gitSettings(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const settings = Object.entries({ ...ALWAYS, ...more });
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(settings.length) };
  settings.forEach(([key, value], i) => {
    env[`GIT_CONFIG_KEY_${i}`] = key;
    env[`GIT_CONFIG_VALUE_${i}`] = value;
  });
  return env;
}

function sshCommand({ sshCommand: own = 'ssh', sshKeyFile, knownHosts }: Access): string {
  return [
    own,
    '-o BatchMode=yes',
    '-o ConnectTimeout=20',
    ...(sshKeyFile ? [`-i ${shellQuoted(sshKeyFile)}`, '-o IdentitiesOnly=yes'] : []),
    ...(knownHosts ? [`-o ${shellQuoted(`UserKnownHostsFile=${knownHosts}`)}`, '-o StrictHostKeyChecking=yes'] : []),
  ].join(' ');
}

/** git hands GIT_SSH_COMMAND to a shell. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
