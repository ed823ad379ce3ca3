// The upstream repositories that hosts reach over the lab's network: nixpkgs, which is a stand-in, nixfleet, where versions
// of the agent are published, and nixcfg, which configures the hosts. Each is a bare repository and the work tree the lab
// commits in.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Faults } from './faults.ts';
import { LAB_ADDRESS } from './network.ts';

const TEMPLATES = join(import.meta.dirname, '..');
const PROJECT = join(import.meta.dirname, '../../..');

/** What a host's module options say while a test has not said otherwise; enough to evaluate. */
const DEFAULT_OPTIONS = { relayUrl: 'wss://relay.example.org:7780', tokenFile: '/etc/nixfleet/token' };

/** Options of `services.nixfleet-agent`, as JSON. */
export type AgentOptions = Readonly<Record<string, unknown>>;

/** Path in the repository → new content; null deletes. */
export type Changes = Readonly<Record<string, string | null>>;

export class Upstream {
  /** What hosts clone. */
  readonly url: string;
  readonly bare: string;
  /** The lab's own checkout of it. */
  readonly tree: string;
  #takesPushes = false;

  constructor(folder: string, name: string) {
    this.url = `git://${LAB_ADDRESS}/${name}.git`;
    this.bare = join(folder, 'git', `${name}.git`);
    this.tree = join(folder, 'trees', name);
  }

  async init(): Promise<void> {
    await execa('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.bare]);
    await execa('git', ['init', '--quiet', '--initial-branch=main', this.tree]);
    await this.git('remote', 'add', 'origin', this.bare);
  }

  async git(...args: string[]): Promise<string> {
    const identity = { name: 'Lab', email: 'lab@example.org' };
    const { stdout } = await execa('git', args, {
      cwd: this.tree,
      stdin: 'ignore',
      // this machine's own git settings (signing, hooks, another default branch) play no part
      env: {
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_SYSTEM: '/dev/null',
        GIT_AUTHOR_NAME: identity.name,
        GIT_AUTHOR_EMAIL: identity.email,
        GIT_COMMITTER_NAME: identity.name,
        GIT_COMMITTER_EMAIL: identity.email,
      },
    });
    return stdout;
  }

  /** Lets hosts push to it, through these hooks of the bare repository (name → shell script). */
  async takePushes(hooks: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#takesPushes = true;
    await execa('git', ['-C', this.bare, 'config', 'daemon.receivePack', 'true']);
    for (const [name, script] of Object.entries(hooks))
      writeFileSync(join(this.bare, 'hooks', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Brings the lab's own checkout to what hosts have pushed. */
  async pull(): Promise<void> {
    await this.git('pull', '--quiet', '--ff-only');
  }

  has(path: string): boolean {
    return existsSync(join(this.tree, path));
  }

  read(path: string): string {
    return readFileSync(join(this.tree, path), 'utf8');
  }

  /** Commits the changes and pushes; returns the new rev. */
  async commit(changes: Changes, message: string): Promise<string> {
    if (this.#takesPushes) await this.pull();
    for (const [path, content] of Object.entries(changes)) {
      const file = join(this.tree, path);
      if (content === null) rmSync(file, { recursive: true });
      else {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
      }
    }
    return this.push(message);
  }

  /** Commits the work tree as it is and pushes; returns the new rev. */
  protected async push(message: string): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', `--message=${message}`);
    await this.git('push', '--quiet', '--set-upstream', 'origin', 'HEAD:main');
    return this.rev();
  }

  rev(): Promise<string> {
    return this.git('rev-parse', 'HEAD');
  }
}

/** The stand-in for nixpkgs, `test/nixpkgs`; with NIXFLEET_TEST_NIXPKGS_LIB a nixpkgs' own `lib` in it. */
export class NixpkgsRepo extends Upstream {
  constructor(folder: string) {
    super(folder, 'nixpkgs');
  }

  get input(): string {
    return `${this.url}?ref=main`;
  }

  /** @param lib the folder `lib` of a nixpkgs, to evaluate with instead of the stand-in's */
  async publish(lib: string | undefined = process.env['NIXFLEET_TEST_NIXPKGS_LIB']): Promise<void> {
    await this.init();
    cpSync(join(PROJECT, 'test', 'nixpkgs'), this.tree, { recursive: true });
    if (lib !== undefined) cpSync(lib, join(this.tree, 'nixpkgs-lib'), { recursive: true });
    await this.push('A stand-in for nixpkgs');
  }
}

export class NixfleetRepo extends Upstream {
  readonly #bundle: string;
  readonly #published = new Map<string, string>();

  /** @param bundle the agent's bundle, agent.mjs, that versions are published from unless told otherwise */
  constructor(folder: string, bundle: string) {
    super(folder, 'nixfleet');
    this.#bundle = bundle;
  }

  /** The flake input as a nixcfg writes it. */
  get input(): string {
    return `${this.url}?ref=main`;
  }

  /** The rev a version was published as; undefined when it was not. */
  revOf(version: string): string | undefined {
    return this.#published.get(version);
  }

  /**
   * Publishes a version on branch main: the project's own flake, of which one file is replaced, so that the bundles in it are
   * those that were built here and not fetched and built again. Returns its rev.
   */
  async publish(version: string, bundle: string = this.#bundle): Promise<string> {
    const bundles = join(this.tree, 'bundles');
    mkdirSync(bundles, { recursive: true });
    copyFileSync(bundle, join(bundles, 'agent.mjs'));
    const relay = join(PROJECT, 'dist', 'relay.mjs');
    if (existsSync(relay)) copyFileSync(relay, join(bundles, 'relay.mjs'));
    const flake = readFileSync(join(PROJECT, 'flake.nix'), 'utf8');
    writeFileSync(join(this.tree, 'flake.nix'), flake);
    writeFileSync(join(this.tree, 'flake.lock'), asJson(lockOfNixpkgs(flake)));
    cpSync(join(PROJECT, 'nix'), join(this.tree, 'nix'), { recursive: true });
    const about = JSON.parse(readFileSync(join(PROJECT, 'nix', 'bundles.json'), 'utf8')) as object;
    writeFileSync(join(this.tree, 'nix', 'bundles.json'), asJson({ ...about, version }));
    cpSync(join(TEMPLATES, 'nixfleet-input', 'bundles.nix'), join(this.tree, 'nix', 'bundles.nix'));
    const rev = await this.push(`NixFleet ${version}`);
    this.#published.set(version, rev);
    return rev;
  }
}

export class NixcfgRepo extends Upstream {
  /** The flake's folder in the repository: '' for its top. */
  readonly flakeDir: string;

  constructor(folder: string, flakeDir: string) {
    super(folder, 'nixcfg');
    this.flakeDir = flakeDir;
  }

  /** A file's path in the repository from its path in the flake. */
  path(inFlake: string): string {
    return join(this.flakeDir, inFlake);
  }

  /** Makes the first commit from the templates, with these hosts and inputs; the flake is not locked yet. */
  async fill(hosts: readonly string[], inputs: { readonly nixpkgs: string; readonly nixfleet: string }): Promise<void> {
    const flake = join(this.tree, this.flakeDir);
    const template = (name: string) =>
      readFileSync(join(TEMPLATES, 'nixcfg', name), 'utf8')
        .replaceAll('@nixpkgs@', inputs.nixpkgs)
        .replaceAll('@nixfleet@', inputs.nixfleet)
        .replaceAll('@system@', process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux');
    cpSync(join(TEMPLATES, 'nixcfg', 'lib'), join(flake, 'lib'), { recursive: true });
    writeFileSync(
      join(flake, 'flake.nix'),
      template('flake.nix').replace(/^.*@host@.*\n/m, line =>
        hosts.map(host => line.replaceAll('@host@', host)).join(''),
      ),
    );
    mkdirSync(join(flake, 'hosts'));
    for (const host of hosts) {
      writeFileSync(join(flake, 'hosts', `${host}.nix`), template('host.nix.template').replaceAll('@host@', host));
      writeFileSync(join(flake, 'hosts', `${host}.json`), asJson(DEFAULT_OPTIONS));
    }
    await this.push('Begin with the hosts at home');
  }

  /** Commits what the module's options of a host say from now on. */
  async setOptions(host: string, options: AgentOptions): Promise<void> {
    const path = this.path(`hosts/${host}.json`);
    const text = asJson({ ...DEFAULT_OPTIONS, ...options });
    if (this.read(path) !== text) await this.commit({ [path]: text }, `Configure the agent of ${host}`);
  }

  /** Commits what the host gets wrong from now on; without `faults` it is sound again. Returns the new rev. */
  async setFaults(host: string, faults?: Faults): Promise<string> {
    const path = this.path(`hosts/${host}.faults.json`);
    if (faults) return this.commit({ [path]: asJson(faults) }, `Break ${host} on purpose`);
    rmSync(join(this.tree, path), { force: true });
    return this.push(`Mend ${host}`);
  }
}

/**
 * A lock of the project's one input, github:OWNER/REPO/REF, at a revision that does not exist: hosts never fetch it, since
 * their nixcfg has it follow their own nixpkgs, but nix reads it when it is asked about the flake alone.
 */
function lockOfNixpkgs(flake: string): object {
  const [, owner, repo, ref] = /nixpkgs\.url = "github:([\w-]+)\/([\w-]+)\/([\w.-]+)"/.exec(flake) ?? [];
  const original = { owner, ref, repo, type: 'github' };
  const narHash = `sha256-${'A'.repeat(43)}=`;
  const locked = { lastModified: 0, narHash, owner, repo, rev: '0'.repeat(40), type: 'github' };
  return {
    nodes: { nixpkgs: { locked, original }, root: { inputs: { nixpkgs: 'nixpkgs' } } },
    root: 'root',
    version: 7,
  };
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
