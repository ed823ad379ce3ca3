// Makes a booted host one of the fleet: checkout, first generation, the agent's options and token.
import { OWNER, type TestHost } from './host.ts';
import type { AgentOptions, NixcfgRepo, NixfleetRepo } from './repos.ts';

export interface ProvisionOptions {
  /**
   * The version of the agent that upstream nixcfg is locked to from now on, published if it is not yet. Without it the
   * lock stays as it is; an unlocked flake is locked to the newest version.
   */
  readonly version?: string;
  /** What hosts/NAME.nix says for `services.nixfleet-agent` beside that it is enabled. */
  readonly options?: AgentOptions;
  /** The content of /etc/nixfleet/token, which only root reads. */
  readonly token?: string;
}

/** The file etc/nixfleet/agent.json of a generation. */
export interface Manifest {
  readonly format: number;
  readonly storePath: string;
  readonly version: string;
  readonly rev: string;
  readonly protocol: number;
}

export interface Provisioned {
  /** The generation that was activated: its store path. */
  readonly toplevel: string;
  /** The agent it carries; undefined when it has none. */
  readonly manifest: Manifest | undefined;
}

const LOCK = `
  folder=$(mktemp -d)
  git clone --quiet "$1" "$folder"
  cd "$folder/$2"
  if [ -n "$3" ]; then nix flake update nixfleet --override-input nixfleet "$3"; else nix flake lock; fi >&2
  cat flake.lock
  rm -rf "$folder"`;

/** Makes upstream nixcfg's lock name that version, with the help of a host that has Nix and the network. */
export async function lockUpstream(
  host: TestHost,
  nixcfg: NixcfgRepo,
  nixfleet: NixfleetRepo,
  version: string | undefined,
): Promise<void> {
  const path = nixcfg.path('flake.lock');
  const lock = nixcfg.has(path) ? (JSON.parse(nixcfg.read(path)) as FlakeLock) : undefined;
  if (lock && version === undefined) return;
  const rev = version === undefined ? undefined : (nixfleet.revOf(version) ?? (await nixfleet.publish(version)));
  if (rev !== undefined && lock?.nodes['nixfleet']?.locked?.rev === rev) return;
  const exact = rev === undefined ? '' : `${nixfleet.input}&rev=${rev}`;
  const locked = await host.sh(LOCK, { user: OWNER }, [nixcfg.url, nixcfg.flakeDir, exact]);
  if (locked.exitCode !== 0) throw new Error(`cannot lock nixcfg on ${host.name}: ${locked.stderr}`);
  await nixcfg.commit({ [path]: `${locked.stdout}\n` }, version === undefined ? 'Lock' : `Lock NixFleet ${version}`);
}

interface FlakeLock {
  readonly nodes: Readonly<Record<string, { readonly locked?: { readonly rev?: string } } | undefined>>;
}

const BUILD = `
  [ -e "$2" ] || git clone --quiet "$1" "$2"
  cd "$2"
  git pull --quiet --ff-only
  exec nix build "$3" --no-link --print-out-paths`;

const ACTIVATE = `
  nix-env --profile /nix/var/nix/profiles/system --set "$1"
  exec "$1/bin/switch-to-configuration" switch`;

/** Clones or pulls, builds as the owner, activates and makes it the boot default. */
export async function provision(host: TestHost, nixcfgUrl: string, options: ProvisionOptions): Promise<Provisioned> {
  if (options.token !== undefined) host.writeFile('/etc/nixfleet/token', `${options.token}\n`, { mode: 0o600 });
  const attribute = `${host.flake}#nixosConfigurations."${host.name}".config.system.build.toplevel`;
  const built = await host.sh(BUILD, { user: OWNER }, [nixcfgUrl, host.checkout, attribute]);
  if (built.exitCode !== 0) throw new Error(`cannot build the first generation of ${host.name}: ${built.stderr}`);
  const toplevel = built.stdout;
  const activated = await host.sh(ACTIVATE, {}, [toplevel]);
  if (activated.exitCode !== 0)
    throw new Error(`cannot activate the first generation of ${host.name}: ${activated.stderr}`);
  const manifest = `${toplevel}/etc/nixfleet/agent.json`;
  return {
    toplevel,
    manifest: host.exists(manifest) ? (JSON.parse(host.readFile(manifest)) as Manifest) : undefined,
  };
}
