import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { Disk, type OwnFileSystem } from './disk.ts';
import { CommandFailed, execIn, startIn, type Conversation, type ExecOptions, type ExecResult } from './exec.ts';
import { inside } from './inside.ts';
import { connect, hostAddress, LAB_ADDRESS, plug } from './network.ts';
import { Machine, type MachineOptions } from './nspawn.ts';
import type { Provisioned, ProvisionOptions } from './provision.ts';
import { eventually, type WaitOptions } from './wait.ts';

export interface HostPlan {
  readonly name: string;
  /** From 1 on; gives the address. */
  readonly number: number;
  /** The host's folder outside: its overlay and console. */
  readonly folder: string;
  readonly rootfs: string;
  /** Network namespace of the lab, and of the host. */
  readonly lan: string;
  readonly namespace: string;
  readonly cgroup: string;
  readonly files: MachineOptions['files'];
  /** Its disk is a file system of its own; else a folder. */
  readonly disk: OwnFileSystem | undefined;
  /** The flake's folder in the checkout, '' for its top. */
  readonly flakeDir: string;
  readonly provision: (host: TestHost, options: ProvisionOptions) => Promise<Provisioned>;
}

export interface WriteOptions {
  /** 'root' by default. Folders that are made on the way are this user's too. */
  readonly owner?: string;
  readonly mode?: number;
}

export interface HostExecOptions extends ExecOptions {
  /** Run as root as `sudo` would for this user: SUDO_USER, SUDO_UID, SUDO_GID and SUDO_COMMAND are set. */
  readonly sudoFrom?: string;
}

/** The ordinary user of every host, who owns the checkout. */
export const OWNER = 'ana';
export const OWNER_HOME = `/home/${OWNER}`;

/** Where that checkout lies. */
export const CHECKOUT = `${OWNER_HOME}/Code/nixcfg`;

/** A host with a systemd, a Nix and a disk of its own. The disk outlives its boots. */
export class TestHost {
  readonly name: string;
  readonly address: string;
  /** The owner's checkout of nixcfg, and the folder in it that holds flake.nix. */
  readonly checkout = CHECKOUT;
  readonly flake: string;
  readonly #plan: HostPlan;
  #made: Disk | undefined;
  #machine: Machine | undefined;

  private constructor(plan: HostPlan) {
    this.#plan = plan;
    this.name = plan.name;
    this.address = hostAddress(plan.number);
    this.flake = join(CHECKOUT, plan.flakeDir);
  }

  /** Gives a new host its disk and its cable, and boots it. */
  static async create(plan: HostPlan): Promise<TestHost> {
    const host = new TestHost(plan);
    await host.#makeDisk();
    await connect(plan.lan, plan.namespace, plan.number);
    await host.bootAgain();
    return host;
  }

  async #makeDisk(): Promise<void> {
    const { folder, rootfs, name, namespace, disk } = this.#plan;
    this.#made = await Disk.make({ folder, rootfs, label: namespace, own: disk });
    this.writeFile('/etc/hosts', `127.0.0.1 localhost\n${this.address} ${name}\n${LAB_ADDRESS} relay git\n`);
    this.writeFile('/etc/hostname', `${name}\n`);
    this.writeFile('/etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`);
  }

  get #disk(): string {
    return this.disk.root;
  }

  get disk(): Disk {
    if (!this.#made) throw new Error(`${this.name} has no disk yet`);
    return this.#made;
  }

  /** Its present life; undefined while it is switched off. */
  get #life(): Machine | undefined {
    return this.#machine?.running ? this.#machine : undefined;
  }

  #living(): Machine {
    const life = this.#life;
    if (!life) throw new Error(`${this.name} is switched off`);
    return life;
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  /** The host's PID 1, as a pid of this machine. */
  get leader(): number {
    return this.#living().leader;
  }

  /** Gives the host its checkout of nixcfg and its first generation, as a person did who set it up. */
  provision(options: ProvisionOptions = {}): Promise<Provisioned> {
    return this.#plan.provision(this, options);
  }

  /**
   * Runs a command to its end; its exit code is a value.
   * @throws Error when it takes longer than its timeout, or when the host goes down meanwhile
   */
  exec(argv: readonly string[], options: HostExecOptions = {}): Promise<ExecResult> {
    const { sudoFrom, env, ...rest } = options;
    const sudo = sudoFrom === undefined ? {} : this.#sudoEnv(sudoFrom, argv);
    return execIn(this.#living().place, argv, { ...rest, env: { ...sudo, ...env } });
  }

  /** Starts a program as root that is talked to by its stdin and stderr; it ends with the host, at the latest. */
  start(argv: readonly string[]): Conversation {
    return startIn(this.#living().place, argv);
  }

  /** What sudo(8) sets. */
  #sudoEnv(user: string, argv: readonly string[]): Record<string, string> {
    const { uid, gid } = this.#user(user);
    return { SUDO_USER: user, SUDO_UID: String(uid), SUDO_GID: String(gid), SUDO_COMMAND: argv.join(' ') };
  }

  /** Runs a script of `sh -eu`; `$1`, `$2`… are the further arguments. Its exit code is a value. */
  sh(script: string, options?: HostExecOptions, args: readonly string[] = []): Promise<ExecResult> {
    return this.exec(['sh', '-euc', script, 'sh', ...args], options);
  }

  /**
   * Runs a command and returns its standard output.
   * @throws CommandFailed when it does not exit with 0
   */
  async run(argv: readonly string[], options?: HostExecOptions): Promise<string> {
    const result = await this.exec(argv, options);
    if (result.exitCode !== 0) throw new CommandFailed(this.name, argv, result);
    return result.stdout;
  }

  /** What the host's journal holds, of one unit or of all, over all its boots. */
  journal(unit?: string): Promise<string> {
    return this.run(['journalctl', '--no-pager', ...(unit === undefined ? [] : [`--unit=${unit}`])]);
  }

  /** What PID 1 wrote to the console in this boot. */
  get console(): string {
    return readFileSync(join(this.#plan.folder, 'console.log'), 'utf8');
  }

  /**
   * The path out here of a file on the host's disk, also while it is switched off. /run, /tmp, /proc and /dev of a running
   * host are not on its disk; the methods below see them.
   */
  pathOf(path: string): string {
    return inside(this.#disk, path);
  }

  /** As the host itself sees its files, where it runs. */
  get #root(): string {
    return this.#life ? `/proc/${this.#life.leader}/root` : this.#disk;
  }

  #seen(path: string): string {
    return inside(this.#root, path);
  }

  exists(path: string): boolean {
    return existsSync(this.#seen(path));
  }

  readFile(path: string): string {
    return readFileSync(this.#seen(path), 'utf8');
  }

  readBytes(path: string): Buffer {
    return readFileSync(this.#seen(path));
  }

  /** Where a chain of symbolic links ends in the host, as `readlink -f` there. */
  realPath(path: string): string {
    return inside(this.#root, path).slice(this.#root.length);
  }

  writeFile(path: string, content: string | Uint8Array, { owner = 'root', mode = 0o644 }: WriteOptions = {}): void {
    const file = this.#seen(path);
    const { uid, gid } = this.#user(owner);
    const made = mkdirSync(dirname(file), { recursive: true });
    if (made !== undefined)
      for (let folder = dirname(file); folder.length >= made.length; folder = dirname(folder))
        chownSync(folder, uid, gid);
    writeFileSync(file, content, { mode });
    chownSync(file, uid, gid);
  }

  /** Copies a file of this machine into the host. */
  copyIn(outside: string, path: string, options: WriteOptions = {}): void {
    this.writeFile(path, '', options);
    copyFileSync(outside, this.#seen(path));
  }

  #user(name: string): { uid: number; gid: number } {
    const fields = this.readFile('/etc/passwd')
      .split('\n')
      .map(line => line.split(':'))
      .find(([user]) => user === name);
    if (!fields) throw new Error(`${this.name} has no user ${name}`);
    return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }

  /** Waits for something about this host; says what the console last said when it does not come. */
  async waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<NonNullable<T>> {
    try {
      return await eventually(condition, { ...options, what: `${options.what} (on ${this.name})` });
    } catch (error) {
      const units = this.running
        ? (await this.exec(['systemctl', '--failed', '--no-legend', '--plain'])).stdout
        : 'off';
      throw new Error(`${String(error)}\nfailed units: ${units || 'none'}`, { cause: error });
    }
  }

  /** The folder of Debian's libraries for this processor, or one in it. */
  libraries(folder = ''): string {
    return join('/usr/lib', process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu', folder);
  }

  /** The folder out here of a control group of the running host: `system.slice/nix-daemon.service`. */
  cgroupOf(group: string): string {
    return join(this.#plan.cgroup, 'payload', group);
  }

  /** Unplugs the cable: what is sent is lost without a word, connections stay half-open. */
  networkDown(): Promise<void> {
    return plug(this.#plan.lan, this.#plan.number, 'down');
  }

  networkUp(): Promise<void> {
    return plug(this.#plan.lan, this.#plan.number, 'up');
  }

  /**
   * The host loses its power: every process of it is gone at one moment. A disk with a file system of its own keeps what was
   * synced; one without keeps everything.
   * @param afterwards gets the disk's path out here while nothing runs on it
   */
  async powerLoss(afterwards?: (disk: string) => void | Promise<void>): Promise<void> {
    await this.#living().kill();
    await this.disk.losePower();
    await afterwards?.(this.#disk);
  }

  /** Shuts down in order. */
  async shutdown(): Promise<void> {
    await this.#living().powerOff();
  }

  /** Boots the host, which is switched off, from its disk; resolves when systemd is done with starting. */
  async bootAgain(): Promise<void> {
    if (this.running) throw new Error(`${this.name} runs already`);
    const { folder, name, namespace, cgroup, files } = this.#plan;
    this.#machine = await Machine.boot({
      machine: namespace,
      hostName: name,
      root: this.#disk,
      namespace,
      cgroup,
      files,
      console: join(folder, 'console.log'),
    });
  }
}
