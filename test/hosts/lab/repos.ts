// The two upstream repositories that hosts reach over the lab's network: nixfleet, where versions of the agent are
// published, and nixcfg, which configures the hosts. Each is a bare repository and the work tree the lab commits in.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Faults } from './faults.ts';
import { LAB_ADDRESS } from './network.ts';

const TEMPLATES = join(import.meta.dirname, '..');

/** Path in the repository → new content; null deletes. */
export type Changes = Readonly<Record<string, string | null>>;

class Upstream {
  /** What hosts clone. */
  readonly url: string;
  readonly bare: string;
  /** The lab's own checkout of it. */
  readonly tree: string;

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

  has(path: string): boolean {
    return existsSync(join(this.tree, path));
  }

  read(path: string): string {
    return readFileSync(join(this.tree, path), 'utf8');
  }

  /** Commits the changes and pushes; returns the new rev. */
  async commit(changes: Changes, message: string): Promise<string> {
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

  /** Publishes a version of the agent on branch main; returns its rev. */
  async publish(version: string, bundle: string = this.#bundle): Promise<string> {
    cpSync(join(TEMPLATES, 'nixfleet-input'), this.tree, { recursive: true });
    copyFileSync(bundle, join(this.tree, 'agent.mjs'));
    writeFileSync(join(this.tree, 'VERSION'), `${version}\n`);
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

  /** Makes the first commit from the templates, with these hosts and this URL of the input; the flake is not locked yet. */
  async fill(hosts: readonly string[], input: string): Promise<void> {
    const flake = join(this.tree, this.flakeDir);
    const template = (name: string) => readFileSync(join(TEMPLATES, 'nixcfg', name), 'utf8');
    cpSync(join(TEMPLATES, 'nixcfg', 'lib'), join(flake, 'lib'), { recursive: true });
    writeFileSync(
      join(flake, 'flake.nix'),
      template('flake.nix')
        .replace('@nixfleet@', input)
        .replace('@system@', process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux')
        .replace(/^.*@host@.*\n/m, line => hosts.map(host => line.replaceAll('@host@', host)).join('')),
    );
    mkdirSync(join(flake, 'hosts'));
    for (const host of hosts) writeFileSync(join(flake, 'hosts', `${host}.nix`), template('host.nix.template'));
    await this.push('Begin with the hosts at home');
  }

  /** Commits what the host gets wrong from now on; without `faults` it is sound again. Returns the new rev. */
  async setFaults(host: string, faults?: Faults): Promise<string> {
    const path = this.path(`hosts/${host}.faults.json`);
    if (faults) return this.commit({ [path]: JSON.stringify(faults, null, 2) + '\n' }, `Break ${host} on purpose`);
    rmSync(join(this.tree, path), { force: true });
    return this.push(`Mend ${host}`);
  }
}
