// Hosts that are no NixOS: a home on Linux, and what stands in for a Mac with Home Manager or nix-darwin. In place of the hosts of
// the usual nixcfg; the modules that they get are the project's own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { OWNER, OWNER_HOME, type TestHost } from './host.ts';
import type { Lab } from './lab.ts';
import { lockUpstream, type Manifest } from './provision.ts';
import { Upstream, type AgentOptions } from './repos.ts';

const TEST = join(import.meta.dirname, '../..');
const TEMPLATE = join(TEST, 'hosts/nixcfg-homes');

/** What a host is, and what is wrong with it: the content of hosts/NAME.json in nixcfg. */
export interface HomeSpec {
  readonly kind: 'linux-home' | 'mac-home' | 'mac';
  /** `services.nixfleet-agent` beside that it is enabled. */
  readonly options: AgentOptions;
  /** An agent that never says a word, one that ends at once, one that ends at once and is left at that, or none. */
  readonly agent?: 'normal' | 'mute' | 'crash' | 'stopped' | 'none';
  /** What no other generation has: a file `brought`, and a unit or a job of launchd's of that name. */
  readonly brings?: boolean;
  /** A Mac's daemon that watches the inbox has another plist, which an activation reloads. */
  readonly otherRunner?: boolean;
  /** Options of the stand-ins for Home Manager and nix-darwin (test/home-manager/generation.nix, test/nix-darwin/toplevel.nix). */
  readonly standIn?: {
    readonly unloadedAgent?: 'aborts' | 'ignores' | 'restores';
    readonly fault?: {
      readonly at: 'before' | 'links' | 'launchd' | 'after';
      readonly exit?: number;
      readonly hang?: boolean;
    };
  };
}

/** One of the stand-ins in test/, as a repository that hosts reach. */
export class StandInRepo extends Upstream {
  readonly #source: string;

  constructor(folder: string, name: string) {
    super(folder, name);
    this.#source = join(TEST, name);
  }

  async publish(): Promise<void> {
    await this.init();
    // links in it lead to other stand-ins (cpSync of Node 24 leaves links in folders what they are)
    await execa('cp', ['-rL', `${this.#source}/.`, this.tree]);
    await this.push('A stand-in');
  }
}

/** Makes the lab's nixcfg one of homes and Macs. */
export class Homes {
  readonly #lab: Lab;
  readonly #specs = new Map<string, HomeSpec>();

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  static async of(lab: Lab): Promise<Homes> {
    const homes = new Homes(lab);
    const inputs: Record<string, string> = { nixpkgs: lab.nixpkgs.input, nixfleet: lab.nixfleet.input };
    for (const name of ['home-manager', 'nix-darwin']) {
      const repo = new StandInRepo(lab.folder, name);
      await repo.publish();
      inputs[name] = `${repo.url}?ref=main`;
    }
    const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux';
    const text = (name: string): string =>
      readFileSync(join(TEMPLATE, name), 'utf8').replaceAll(/@([a-z-]+)@/g, (whole, key: string) =>
        key === 'system' ? system : (inputs[key] ?? whole),
      );
    await lab.nixcfg.commit(
      { 'flake.nix': text('flake.nix'), 'home.nix': text('home.nix'), 'mac.nix': text('mac.nix'), 'hosts.json': '[]' },
      'Homes and Macs',
    );
    return homes;
  }

  /** Commits what a host is from now on; what is not said stays. */
  async configure(name: string, more: Partial<HomeSpec>): Promise<void> {
    const spec: HomeSpec = { kind: 'linux-home', options: {}, ...this.#specs.get(name), ...more };
    this.#specs.set(name, spec);
    await this.#lab.nixcfg.commit(
      {
        'hosts.json': JSON.stringify([...this.#specs.keys()]),
        [`hosts/${name}.json`]: `${JSON.stringify(spec, null, 2)}\n`,
      },
      `Configure ${name}`,
    );
  }

  /**
   * Gives a host its checkout and its first generation, as a person did who set it up, and locks nixcfg where it is not.
   * @returns the generation
   */
  async provision(host: TestHost): Promise<{ readonly toplevel: string; readonly manifest: Manifest }> {
    const { kind } = this.#specs.get(host.name) ?? {};
    await lockUpstream(host, this.#lab.nixcfg, this.#lab.nixfleet, undefined);
    const attribute =
      kind === 'mac'
        ? `darwinConfigurations."${host.name}".system`
        : `homeConfigurations."${host.name}".activationPackage`;
    const built = await host.sh(BUILD, { user: OWNER }, [this.#lab.nixcfg.url, host.checkout, `.#${attribute}`]);
    if (built.exitCode !== 0) throw new Error(`cannot build the first generation of ${host.name}: ${built.stderr}`);
    const toplevel = built.stdout;
    const activated =
      kind === 'mac'
        ? await host.sh('nix-env -p /nix/var/nix/profiles/system --set "$1"; exec "$1/activate"', {}, [toplevel])
        : await host.exec([`${toplevel}/activate`], { user: OWNER, cwd: OWNER_HOME });
    if (activated.exitCode !== 0) throw new Error(`cannot activate on ${host.name}: ${activated.stderr}`);
    return { toplevel, manifest: JSON.parse(host.readFile(`${toplevel}/etc/nixfleet/agent.json`)) as Manifest };
  }
}

const BUILD = `
  [ -e "$2" ] || git clone --quiet "$1" "$2"
  cd "$2"
  git pull --quiet --ff-only
  exec nix build "$3" --no-link --print-out-paths`;
