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
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/sbin',
  '/sbin',
];

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
  const path = (base['PATH'] ?? '').split(':').filter(folder => folder.startsWith('/'));
  const nixConfig = [base['NIX_CONFIG'], access.accessTokensFile && `!include ${access.accessTokensFile}`];
  return {
    ...env,
    PATH: [...path, ...FALLBACK_PATH.filter(folder => !path.includes(folder))].join(':'),
    HOME: user.home,
    USER: user.name,
    LOGNAME: user.name,
    LC_ALL: 'C.UTF-8',
    LANGUAGE: '',
    TERM: 'dumb',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: sshCommand(access),
    // no background work that outlives the step in somebody's checkout
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'gc.auto',
    GIT_CONFIG_VALUE_0: '0',
    GIT_CONFIG_KEY_1: 'maintenance.auto',
    GIT_CONFIG_VALUE_1: 'false',
    ...(nixConfig.some(Boolean) && { NIX_CONFIG: nixConfig.filter(Boolean).join('\n') }),
  };
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
