import { readFileSync } from 'node:fs';
import {
  rollbackSchema,
  DEFAULT_BUILD_SILENCE,
  DEFAULT_DEADLINES,
  DEFAULT_PUBLISHING,
  DEFAULT_SETTLING,
  describeIssues,
  hostNameSchema,
} from '../protocol/index.ts';
import * as z from 'zod';
import { placesOf, stateDirOf } from './platform/places.ts';

/** Where the configuration lies unless `NIXFLEET_CONFIG` or `--config` says otherwise. */
export const DEFAULT_CONFIG_PATH = '/etc/nixfleet/config.json';

const absolute = z.string().regex(/^\//, 'an absolute path is needed');
const milliseconds = z.int().positive();
/** At most a week: a timer of Node that is longer than 24.8 days goes off at once. */
const deadline = milliseconds.max(7 * 86_400_000);

/**
 * What the host's own configuration says, in its file; nothing of it can come from the network. Unknown keys are refused, so that a
 * mistyped option is an error and not a surprise.
 */
const fileSchema = z.strictObject({
  /** The name this host was enrolled under. */
  host: hostNameSchema,
  /** `wss://…`, or `ws://` to loopback. Other `ws://` only with `allowPlaintext`. */
  relayUrl: z.url({ protocol: /^wss?$/, error: 'relayUrl is a ws:// or wss:// URL' }),
  allowPlaintext: z.boolean().default(false),
  /** A file with the host's token and nothing else. */
  tokenFile: absolute,
  /** Certificates (PEM) to trust for the relay instead of the system's. */
  caFile: absolute.optional(),
  /** SHA-256 of the one certificate that the relay may show, in hex with or without colons; nothing else is asked of it then. */
  fingerprint: z
    .string()
    .transform(text => text.replaceAll(':', '').toLowerCase())
    .pipe(z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 fingerprint has 64 hexadecimal digits'))
    .optional(),
  /** By default `/var/lib/nixfleet-agent`; with Home Manager `~/.local/state/nixfleet-agent`. */
  stateDir: absolute.optional(),
  /** The checkout's folder that holds flake.nix. Without it `~/Code/nixcfg` of the owner and `/etc/nixos` are tried. */
  nixcfgPath: absolute.optional(),
  /** Whose checkout it is; by default whoever owns its flake.nix. */
  owner: z.string().min(1).optional(),
  /** The flake input that carries the agent. */
  inputName: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_'-]*$/, 'an input name begins with a letter')
    .default('nixfleet'),
  /** The configuration's name in `nixosConfigurations` (or its sisters). By default the host's own host name. */
  attribute: z.string().min(1).max(128).optional(),
  platform: z.enum(['nixos', 'home-manager', 'nix-darwin', 'local']).default('nixos'),
  /** How NixOS is updated; the other platforms have one way only. */
  method: z.enum(['staged', 'nixos-rebuild']).default('staged'),
  /**
   * How runners are started. `systemd`: transient units; `systemd-unit`: the template unit `nixfleet-run@` of the module, which
   * the agent may start and nothing else; `launchd`: a job of its own for each run; `inbox`: the service manager watches the
   * inbox; `setsid`: a session of its own.
   */
  launcher: z.enum(['auto', 'systemd', 'systemd-unit', 'launchd', 'inbox', 'setsid']).default('auto'),
  /** Who finds out the status of an idle host: the agent itself, or a unit with the rights to look into the owner's home. */
  statusBy: z.enum(['agent', 'unit']).default('agent'),
  rollback: rollbackSchema.default('agent'),
  deadlines: z
    .strictObject({
      accepted: deadline.default(DEFAULT_DEADLINES.accepted),
      pulling: deadline.default(DEFAULT_DEADLINES.pulling),
      locking: deadline.default(DEFAULT_DEADLINES.locking),
      building: deadline.default(DEFAULT_DEADLINES.building),
      activating: deadline.default(DEFAULT_DEADLINES.activating),
      confirming: deadline.default(DEFAULT_DEADLINES.confirming),
      committing: deadline.default(DEFAULT_DEADLINES.committing),
      /** For the lock of a run that has succeeded, see `lock.publish`; past it the lock stays unpublished. */
      publishing: deadline.default(DEFAULT_PUBLISHING),
      /** A build without a byte of output for so long is stuck. */
      buildSilence: deadline.default(DEFAULT_BUILD_SILENCE),
      /** How long the new agent must stay up once it is proven. */
      settling: deadline.default(DEFAULT_SETTLING),
    })
    .prefault({}),
  git: z.strictObject({ sshKeyFile: absolute.optional(), knownHosts: absolute.optional() }).prefault({}),
  nix: z.strictObject({ accessTokensFile: absolute.optional() }).prefault({}),
  lock: z
    .strictObject({
      /** What becomes of the lock of a run that succeeded: nothing, or it is committed alone and pushed, never by force. */
      publish: z.enum(['none', 'push']).default('none'),
    })
    .prefault({}),
  /** Where the platform keeps its generations and what the agent's service is called, where that is not as usual (`placesOf`). */
  system: z
    .strictObject({
      current: absolute.optional(),
      profile: absolute.optional(),
      unit: z.string().min(1).optional(),
      plists: absolute.optional(),
    })
    .prefault({}),
  /** How often an idle host finds out its own status, milliseconds. */
  statusInterval: milliseconds.default(5 * 60_000),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

/** The configuration as the rooms get it: what the file does not say is what the platform has. */
export const agentConfigSchema = fileSchema.transform(({ stateDir, system, ...rest }) => {
  const usual = placesOf(rest);
  return {
    ...rest,
    stateDir: stateDir ?? stateDirOf(rest.platform),
    system: {
      current: system.current ?? usual.current,
      profile: system.profile ?? usual.profile,
      unit: system.unit ?? usual.unit,
      plists: system.plists ?? usual.plists,
    },
  };
});
export type AgentConfig = z.infer<typeof agentConfigSchema>;

/** A configuration that cannot be used; the message says which file and what to mend. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the agent's configuration. `NIXFLEET_NIXCFG_PATH` and `NIXFLEET_STATE_DIR` in the environment win over the file.
 * @throws ConfigError
 */
export function loadConfig(path: string, env: NodeJS.ProcessEnv = process.env): AgentConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(
      `cannot read the agent's configuration ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const parsed = agentConfigSchema.safeParse({
    ...(typeof value === 'object' ? value : {}),
    ...(env['NIXFLEET_NIXCFG_PATH'] && { nixcfgPath: env['NIXFLEET_NIXCFG_PATH'] }),
    ...(env['NIXFLEET_STATE_DIR'] && { stateDir: env['NIXFLEET_STATE_DIR'] }),
  });
  if (!parsed.success)
    throw new ConfigError(`the agent's configuration ${path} is not valid: ${describeIssues(parsed.error)}`);
  return parsed.data;
}
