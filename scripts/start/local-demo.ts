/**
 * The demo where hosts cannot be booted: each host is a folder with a nixcfg, a state, a profile and an agent process of
 * its own, and all share a Nix store of their own. Everything lies under one temporary folder; of the person's system only
 * the programs `nix`, `git` and Node are used, with an environment that hides every configuration and store of theirs.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa, type ResultPromise } from 'execa';
import { CannotDemoError, DEMO_VERSIONS, type Demo, type Say } from './demo.ts';
import { DIST } from './dist.ts';
import { RelayProcess } from '../../test/support/relay-process.ts';

const TEMPLATES = join(import.meta.dirname, 'local');
const HOSTS = ['ada', 'grace'] as const;

/** Makes the demo, or throws CannotDemoError. */
export async function startLocalDemo(say: Say): Promise<Demo> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nixfleet-demo-')));
  const demo = new LocalDemo(folder, say);
  try {
    await demo.start();
    return demo;
  } catch (error) {
    await demo[Symbol.asyncDispose]();
    throw error;
  }
}

class LocalDemo implements Demo {
  readonly description = 'two local processes, each with a nixcfg, a state and a profile of its own';
  readonly hosts = HOSTS;
  readonly folder: string;
  readonly workspace: string;
  readonly logs: Demo['logs'];
  readonly #say: Say;
  readonly #env: Record<string, string>;
  #relay: RelayProcess | undefined;
  #operatorToken = '';

  constructor(folder: string, say: Say) {
    this.folder = folder;
    this.workspace = join(folder, 'workspace');
    this.#say = say;
    this.logs = {
      relay: join(folder, 'relay.log'),
      ...Object.fromEntries(HOSTS.map(host => [`agent of ${host}`, join(folder, 'hosts', host, 'agent.log')])),
    };
    this.#env = ownEnvironment(folder);
  }

  get relayUrl(): string {
    return this.#runningRelay.url;
  }

  get operatorToken(): string {
    return this.#operatorToken;
  }

  get #runningRelay(): RelayProcess {
    if (!this.#relay) throw new Error('the relay does not run');
    return this.#relay;
  }

  async start(): Promise<void> {
    await this.#requirePrograms();
    const nixfleet = this.#publishNixfleet();
    for (const part of ['home', 'nix/etc', 'hosts']) mkdirSync(join(this.folder, part), { recursive: true });
    this.#say(`publishing agent ${DEMO_VERSIONS.before} and a nixcfg for ${HOSTS.join(' and ')}`);
    await nixfleet.publish(DEMO_VERSIONS.before);
    const nixcfg = await this.#makeNixcfg();
    this.#relay = await RelayProcess.start({
      data: join(this.folder, 'relay'),
      log: join(this.folder, 'relay.log'),
      listen: ['127.0.0.1:0'],
    });
    this.#operatorToken = await this.#relay.operator('demo');
    for (const host of HOSTS) await this.#makeHost(host, nixcfg);
    await nixfleet.publish(DEMO_VERSIONS.after);
    await this.#git(this.folder, 'clone', '--quiet', nixcfg, this.workspace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcessesOf(this.folder);
    await this.#relay?.close();
    // a nix store is read-only, folders included
    await execa('chmod', ['-R', 'u+w', this.folder], { reject: false });
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #requirePrograms(): Promise<void> {
    for (const [program, advice] of [
      ['nix', 'Install Nix 2.19 or newer (https://nixos.org/download), then run this again.'],
      ['git', 'Install git, then run this again.'],
    ] as const) {
      const { failed } = await execa(program, ['--version'], {
        env: this.#env,
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
      });
      if (failed) throw new CannotDemoError(`${program} is not there. ${advice}`);
    }
  }

  #publishNixfleet(): { publish(version: string): Promise<void> } {
    const tree = join(this.folder, 'trees/nixfleet');
    const bare = join(this.folder, 'git/nixfleet.git');
    let begun = false;
    return {
      publish: async version => {
        if (!begun) {
          this.#fill('nixfleet', tree);
          copyFileSync(join(DIST, 'agent.mjs'), join(tree, 'agent.mjs'));
          await this.#git(this.folder, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
          await this.#git(tree, 'init', '--quiet', '--initial-branch=main');
          begun = true;
        }
        writeFileSync(join(tree, 'VERSION'), `${version}\n`);
        await this.#commit(tree, bare, `Release ${version}`);
      },
    };
  }

  /** Returns the URL of the bare repository. */
  async #makeNixcfg(): Promise<string> {
    const tree = join(this.folder, 'trees/nixcfg');
    const bare = join(this.folder, 'git/nixcfg.git');
    this.#fill('nixcfg', tree);
    await this.#git(this.folder, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
    await this.#git(tree, 'init', '--quiet', '--initial-branch=main');
    await this.#git(tree, 'add', '--all');
    await this.#run('nix', ['flake', 'lock'], tree);
    await this.#commit(tree, bare, 'Configure two hosts');
    return bare;
  }

  async #makeHost(host: string, nixcfg: string): Promise<void> {
    const root = join(this.folder, 'hosts', host);
    const checkout = join(root, 'nixcfg');
    mkdirSync(join(root, 'profiles'), { recursive: true });
    await this.#git(root, 'clone', '--quiet', nixcfg, checkout);
    const token = await this.#runningRelay.enroll(host);
    writeFileSync(join(root, 'token'), token, { mode: 0o600 });
    writeFileSync(
      join(root, 'config.json'),
      JSON.stringify(
        {
          host,
          relayUrl: this.relayUrl,
          tokenFile: join(root, 'token'),
          stateDir: join(root, 'state'),
          nixcfgPath: checkout,
          attribute: host,
          platform: 'local',
          launcher: 'setsid',
          system: { current: join(root, 'current-system'), profile: join(root, 'profiles/system') },
          deadlines: { settling: 2000 },
        },
        undefined,
        2,
      ),
    );
    this.#say(`building ${host} at agent ${DEMO_VERSIONS.before}`);
    const { stdout } = await this.#run(
      'nix',
      ['build', '--no-link', '--print-out-paths', `.#nixosConfigurations.${host}.config.system.build.toplevel`],
      checkout,
    );
    const toplevel = stdout.trim();
    await this.#run('nix-env', ['--profile', join(root, 'profiles/system'), '--set', toplevel], root);
    await this.#run(join(toplevel, 'bin/switch-to-configuration'), ['switch'], root);
  }

  /** Copies a template and fills in what is different on every machine. */
  #fill(template: string, to: string): void {
    cpSync(join(TEMPLATES, template), to, { recursive: true });
    const words: Record<string, string> = {
      system: `${arch() === 'arm64' ? 'aarch64' : 'x86_64'}-${platform()}`,
      node: process.execPath,
      // where mkdir and ln are differs: on NixOS not in /usr/bin
      path: (process.env['PATH'] ?? '/usr/bin:/bin').replaceAll(/["\\]|\$\{/g, '\\$&'),
      hosts: join(this.folder, 'hosts'),
      nixfleet: `git+file://${join(this.folder, 'git/nixfleet.git')}?ref=main`,
    };
    for (const name of readdirSync(to)) {
      const file = join(to, name);
      writeFileSync(
        file,
        readFileSync(file, 'utf8').replace(/@(\w+)@/g, (all, word: string) => words[word] ?? all),
      );
    }
  }

  async #commit(tree: string, bare: string, message: string): Promise<void> {
    await this.#git(tree, 'add', '--all');
    await this.#git(tree, 'commit', '--quiet', `--message=${message}`);
    await this.#git(tree, 'push', '--quiet', bare, 'HEAD:main');
  }

  async #git(cwd: string, ...args: string[]): Promise<void> {
    await this.#run('git', args, cwd);
  }

  #run(file: string, args: readonly string[], cwd: string): ResultPromise<{ stdin: 'ignore' }> {
    return execa(file, args, { cwd, env: this.#env, extendEnv: false, stdin: 'ignore' });
  }
}

/** An environment in which nix and git see nothing of the person's: no configuration, no home, a store of the demo's own. */
export function ownEnvironment(folder: string): Record<string, string> {
  const home = join(folder, 'home');
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_STATE_HOME: join(home, '.local/state'),
    XDG_DATA_HOME: join(home, '.local/share'),
    TMPDIR: folder,
    NIX_STORE_DIR: join(folder, 'nix/store'),
    NIX_STATE_DIR: join(folder, 'nix/var/nix'),
    NIX_LOG_DIR: join(folder, 'nix/var/log/nix'),
    NIX_CONF_DIR: join(folder, 'nix/etc'),
    NIX_USER_CONF_FILES: '',
    NIX_REMOTE: '',
    NIX_CONFIG: [
      'experimental-features = nix-command flakes',
      'sandbox = false',
      'build-users-group =',
      'substituters =',
      'flake-registry =',
    ].join('\n'),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_AUTHOR_NAME: 'NixFleet demo',
    GIT_AUTHOR_EMAIL: 'demo@example.org',
    GIT_COMMITTER_NAME: 'NixFleet demo',
    GIT_COMMITTER_EMAIL: 'demo@example.org',
  };
}

/** Agents and runners are nobody's children; they are known by the demo's folder on their command line. */
async function endProcessesOf(folder: string): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const pids = await processesOf(folder);
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // it ended meanwhile
      }
    }
    for (let i = 0; i < 60 && (await processesOf(folder)).length > 0; i++) await delay(50);
  }
}

async function processesOf(folder: string): Promise<number[]> {
  const { stdout } = await execa('ps', ['-axo', 'pid=,stat=,command='], { stdin: 'ignore' });
  return stdout
    .split('\n')
    .filter(line => line.includes(folder) && !/^\s*\d+\s+Z/.test(line))
    .map(line => Number.parseInt(line, 10))
    .filter(pid => pid !== process.pid);
}
