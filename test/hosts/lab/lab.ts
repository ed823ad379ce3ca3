// The lab: real hosts on this machine, each a systemd with a Nix of its own, on a network of their own with the git
// repositories they pull from. Tests and the demo come in through `Lab.create`; nothing is left when it closes.
//
//   await using lab = await Lab.create({ log: console.error, agent: 'dist/agent.mjs' });
//   const host = await lab.boot('h1');
//   await host.provision({ version: '1.0.0', options: { relayUrl: 'wss://…' }, token: '…' });
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { labCgroup, makeCgroup } from './cgroup.ts';
import type { OwnFileSystem } from './disk.ts';
import { TestHost } from './host.ts';
import { installMissing, unsupported, type Log } from './machine.ts';
import { withLock } from './lock.ts';
import { inNamespace, LAB_ADDRESS, makeLan } from './network.ts';
import { lockUpstream, provision } from './provision.ts';
import { register, startJanitor, sweep, type Janitor } from './registry.ts';
import { NixcfgRepo, NixfleetRepo, NixpkgsRepo } from './repos.ts';
import { ensureRootfs } from './rootfs.ts';
import { startForge, startRefusingSsh, type Forge, type RefusingSsh } from './servers.ts';
import { Service } from './service.ts';
import { prefix } from './teardown.ts';

export interface LabOptions {
  /** Gets a line whenever a person who waits should know what for. */
  readonly log?: Log;
  /** The names that nixcfg configures; each can be booted. */
  readonly hosts?: readonly string[];
  /** The agent's bundle that versions are published from: dist/agent.mjs by default. */
  readonly agent?: string;
  /** The first version that is published. */
  readonly version?: string;
  /** The folder in the nixcfg repository that holds flake.nix; its top by default. */
  readonly flakeDir?: string;
  /** The `nixos-rebuild` that hosts have: NIXFLEET_TEST_NIXOS_REBUILD, or the stand-in test/hosts/bin/nixos-rebuild. */
  readonly nixosRebuild?: string;
  /** Gives every host a disk with a file system of its own; see {@link OwnFileSystem}. */
  readonly disk?: OwnFileSystem;
  /** The node (24 or newer) that hosts run, /usr/local/bin/node there; the running one by default. */
  readonly node?: string;
  /** Where root file systems and the labs' own files lie: NIXFLEET_LAB_CACHE, or /var/cache/nixfleet-lab. */
  readonly cache?: string;
}

export function defaultCache(): string {
  return process.env['NIXFLEET_LAB_CACHE'] ?? '/var/cache/nixfleet-lab';
}

const HERE = import.meta.dirname;
/** OVERLAYFS_SUPER_MAGIC of linux/magic.h */
const OVERLAYFS = 0x794c7630;
const silent: Log = () => undefined;

export class Lab implements AsyncDisposable {
  readonly id: string;
  /** The lab's files, gone when it closes. A good place for sockets and logs of what belongs to it. */
  readonly folder: string;
  /** Where hosts reach what the lab serves. */
  readonly address = LAB_ADDRESS;
  readonly hostNames: readonly string[];
  readonly nixpkgs: NixpkgsRepo;
  readonly nixfleet: NixfleetRepo;
  readonly nixcfg: NixcfgRepo;
  readonly #options: LabOptions;
  readonly #rootfs: string;
  readonly #janitor: Janitor;
  readonly #hosts = new Map<string, TestHost>();
  #gitDaemon: Service | undefined;
  #locking: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(options: LabOptions, cache: string, rootfs: string) {
    this.#options = options;
    this.#rootfs = rootfs;
    this.id = register(cache);
    this.#janitor = startJanitor(cache, this.id);
    this.folder = join(cache, 'labs', this.id);
    this.hostNames = options.hosts ?? ['h1', 'h2', 'h3'];
    this.nixpkgs = new NixpkgsRepo(this.folder);
    this.nixfleet = new NixfleetRepo(this.folder, resolve(options.agent ?? join(HERE, '../../../dist/agent.mjs')));
    this.nixcfg = new NixcfgRepo(this.folder, options.flakeDir ?? '');
  }

  /** Why hosts cannot be booted on this machine; undefined where they can. */
  static unsupported(): Promise<string | undefined> {
    return unsupported();
  }

  /** Installs and builds what is missing on this machine; returns the root file system that hosts lie on. */
  static async prepare(cache: string = defaultCache(), log: Log = silent): Promise<string> {
    const reason = await unsupported();
    if (reason !== undefined) throw new Error(`no hosts can be booted: ${reason}`);
    mkdirSync(cache, { recursive: true });
    // apt does not wait for another apt
    await withLock(join(cache, 'packages.lock'), () => installMissing(log));
    return ensureRootfs(cache, log);
  }

  /** Prepares the machine, removes what dead labs left behind, and makes a lab without hosts yet. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const log = options.log ?? silent;
    const cache = resolve(options.cache ?? defaultCache());
    const rootfs = await Lab.prepare(cache, log);
    for (const id of await sweep(cache)) log(`Removed what lab ${id} had left behind`);
    const lab = new Lab(options, cache, rootfs);
    try {
      await lab.#begin();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  async #begin(): Promise<void> {
    makeCgroup(this.#serviceCgroup);
    for (const folder of ['git', 'trees', 'hosts', 'services']) mkdirSync(join(this.folder, folder));
    // in a container the cache itself may lie on an overlay, and a host's overlay cannot be written to another
    if (statfsSync(this.folder).type === OVERLAYFS)
      await execa('mount', ['-t', 'tmpfs', 'nixfleet-lab', join(this.folder, 'hosts')]);
    // none may still write when a lab is taken down because of another
    const parts = await Promise.allSettled([
      makeLan(this.#lan),
      this.nixfleet.init().then(() => this.nixfleet.publish(this.#options.version ?? '1.0.0')),
      this.nixpkgs.publish(),
      this.nixcfg
        .init()
        .then(() => this.nixcfg.fill(this.hostNames, { nixpkgs: this.nixpkgs.input, nixfleet: this.nixfleet.input })),
    ]);
    for (const part of parts) if (part.status === 'rejected') throw part.reason;
    this.#gitDaemon = await this.serve(
      'git daemon',
      [
        ...['git', 'daemon', '--verbose', '--reuseaddr', '--export-all'],
        `--base-path=${join(this.folder, 'git')}`,
        `--access-hook=${this.#doorkeeper()}`,
        `--listen=${LAB_ADDRESS}`,
      ],
      /Ready to rumble/,
    );
  }

  get #lan(): string {
    return prefix(this.id);
  }

  get #serviceCgroup(): string {
    return join(labCgroup(this.id), 'services');
  }

  /** The server of git://10.77.0.1/nixcfg.git and its sisters nixfleet.git and nixpkgs.git; `kill` makes all unreachable. */
  get git(): Service {
    if (!this.#gitDaemon) throw new Error('the lab is not up');
    return this.#gitDaemon;
  }

  /** The program that git's daemon asks before it serves a repository. */
  #doorkeeper(): string {
    const program = join(this.folder, 'services', 'doorkeeper');
    const held = join(this.folder, 'services', 'held-');
    writeFileSync(program, `#!/bin/sh\nwhile [ -e '${held}'"$(basename "$2" .git)" ]; do sleep 0.1; done\n`, {
      mode: 0o755,
    });
    return program;
  }

  /** Whoever fetches from a repository, or asks what it has, waits until it is let go; returns what lets it go. */
  holdGit(repository: 'nixcfg' | 'nixfleet' | 'nixpkgs'): () => void {
    const held = join(this.folder, 'services', `held-${repository}`);
    writeFileSync(held, '');
    return () => rmSync(held, { force: true });
  }

  /** A host that was booted before. */
  host(name: string): TestHost {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`${name} was not booted yet`);
    return host;
  }

  /** Boots a new host, which has nothing yet but its operating system. */
  async boot(name: string): Promise<TestHost> {
    const index = this.hostNames.indexOf(name);
    if (index < 0) throw new Error(`nixcfg configures no host ${name}, only ${this.hostNames.join(', ')}`);
    if (this.#hosts.has(name)) throw new Error(`${name} was booted before: boot it again by its own bootAgain()`);
    const nixosRebuild =
      this.#options.nixosRebuild ?? process.env['NIXFLEET_TEST_NIXOS_REBUILD'] ?? join(HERE, '../bin/nixos-rebuild');
    const host = await TestHost.create({
      name,
      number: index + 1,
      folder: join(this.folder, 'hosts', name),
      rootfs: this.#rootfs,
      lan: this.#lan,
      namespace: `${this.#lan}-${name}`,
      cgroup: join(labCgroup(this.id), `host-${name}`),
      files: {
        '/usr/local/bin/node': this.#options.node ?? process.execPath,
        '/usr/local/bin/nixos-rebuild': resolve(nixosRebuild),
      },
      disk: this.#options.disk,
      flakeDir: this.nixcfg.flakeDir,
      provision: async (host, options) => {
        await this.#lockOnce(async () => {
          if (options.options) await this.nixcfg.setOptions(host.name, options.options);
          await lockUpstream(host, this.nixcfg, this.nixfleet, options.version);
        });
        return provision(host, this.nixcfg.url, options);
      },
    });
    this.#hosts.set(name, host);
    return host;
  }

  /** Hosts that are provisioned at the same time lock one after the other. */
  #lockOnce(work: () => Promise<void>): Promise<void> {
    const turn = this.#locking.then(work);
    this.#locking = turn.catch(() => undefined);
    return turn;
  }

  /** Starts a server in the lab's network; resolves when its output matches `ready`. */
  serve(name: string, argv: readonly string[], ready: RegExp): Promise<Service> {
    return Service.start({
      name,
      argv: inNamespace(this.#lan, argv),
      cgroup: this.#serviceCgroup,
      logFile: join(this.folder, 'services', `${name.replaceAll(/\W+/g, '-')}.log`),
      ready,
    });
  }

  /** Carries connections to `port` of the lab's address to a unix socket that something out here listens on. */
  forward({ port, socket }: { readonly port: number; readonly socket: string }): Promise<Service> {
    const program = join(HERE, 'programs', 'forward.ts');
    return this.serve(
      `forward ${port}`,
      [process.execPath, program, LAB_ADDRESS, String(port), resolve(socket)],
      /forwarding/,
    );
  }

  /** Starts a forge that serves the repository nixfleet as a `github:` input, until it is told to refuse. */
  forge(): Promise<Forge> {
    return startForge(
      (name, argv, ready) => this.serve(name, argv, ready),
      join(this.folder, 'services'),
      this.nixfleet.bare,
    );
  }

  /** Starts an SSH server that lets nobody in: a private remote that the host has no key for. */
  refusingSsh(): Promise<RefusingSsh> {
    return startRefusingSsh((name, argv, ready) => this.serve(name, argv, ready), this.#rootfs);
  }

  /** Runs a program of this machine in the lab's network: an ssh into a host, say. */
  async inLan(argv: readonly string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
    const [file = '', ...args] = inNamespace(this.#lan, argv);
    const { stdout, stderr, exitCode } = await execa(file, args, { reject: false, stdin: 'ignore' });
    return { stdout, stderr, exitCode: exitCode ?? 255 };
  }

  /** Takes everything down. Can be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#janitor.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
