// A host as a process of this machine: systemd-nspawn with a root folder, a network namespace and a cgroup of its own.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { killCgroup, makeCgroup, removeCgroup } from './cgroup.ts';
import { startDaemon, type Daemon } from './daemon.ts';
import { enter, type Place } from './exec.ts';
import { eventually } from './wait.ts';

export interface MachineOptions {
  /** Unlike any other on this machine. */
  readonly machine: string;
  readonly hostName: string;
  readonly root: string;
  readonly namespace: string;
  readonly cgroup: string;
  /** Files of this machine that are seen in the host, read-only: path there → path here. */
  readonly files: Readonly<Record<string, string>>;
  /** Where PID 1 writes. */
  readonly console: string;
}

const SIGRTMIN = 34;
/** systemd's signal for "power off, in order". */
const POWER_OFF = SIGRTMIN + 4;

/** One life of a host, from its boot to its end. */
export class Machine {
  readonly #options: MachineOptions;
  /** The host's PID 1, as a pid of this machine. */
  readonly leader: number;

  readonly #nspawn: Daemon;

  private constructor(options: MachineOptions, leader: number, nspawn: Daemon) {
    this.#options = options;
    this.leader = leader;
    this.#nspawn = nspawn;
  }

  /** Where commands in it run. */
  get place(): Place {
    const { hostName, cgroup } = this.#options;
    return { host: hostName, leader: this.leader, cgroup: join(cgroup, 'payload', 'lab') };
  }

  get running(): boolean {
    return this.#nspawn.running;
  }

  /** Boots; resolves when systemd has started everything, also when some of it failed. */
  static async boot(options: MachineOptions): Promise<Machine> {
    const { cgroup, root } = options;
    await killCgroup(cgroup);
    removeCgroup(cgroup);
    makeCgroup(cgroup);
    rmSync(options.console, { force: true });
    const argv = [
      'systemd-nspawn',
      ...['--quiet', '--register=no', '--keep-unit', '--console=pipe'],
      ...['--link-journal=no', '--resolv-conf=off', '--timezone=off'],
      `--machine=${options.machine}`,
      `--hostname=${options.hostName}`,
      `--directory=${root}`,
      `--network-namespace-path=/run/netns/${options.namespace}`,
      ...Object.entries(options.files).map(([inside, outside]) => `--bind-ro=${outside}:${inside}`),
      '/usr/local/sbin/boot-default',
    ];
    // systemd from 256 on does not start under cgroup v1
    const nspawn = startDaemon({ argv, cgroup, logFile: options.console, env: { UNIFIED_CGROUP_HIERARCHY: '1' } });
    const leader = await eventually(
      async () => {
        if (!nspawn.running) return 'ended';
        const pid = leaderOf(cgroup);
        return pid !== undefined && (await isUp(pid)) ? pid : undefined;
      },
      { what: `${options.hostName} to boot`, deadline: 60_000 },
    );
    if (leader === 'ended')
      throw new Error(`${options.hostName} ended while it booted:\n${readFileSync(options.console, 'utf8')}`);
    return new Machine(options, leader, nspawn);
  }

  /** Everything in the host is gone at one moment, as when the plug is pulled. */
  async kill(): Promise<void> {
    const { cgroup } = this.#options;
    // its own processes first: nspawn then tidies up after itself
    await killCgroup(join(cgroup, 'payload'));
    await this.#gone();
  }

  /** Shuts the host down in order; pulls the plug when it takes longer than half a minute. */
  async powerOff(): Promise<void> {
    process.kill(this.leader, POWER_OFF);
    const patience = AbortSignal.timeout(30_000);
    await Promise.race([this.#nspawn.exited, new Promise(resolve => patience.addEventListener('abort', resolve))]);
    await this.kill();
  }

  async #gone(): Promise<void> {
    const patience = setTimeout(() => void killCgroup(this.#options.cgroup), 5_000);
    await this.#nspawn.exited;
    clearTimeout(patience);
    removeCgroup(this.#options.cgroup);
  }
}

/** The PID 1 of the host in this cgroup, as a pid of this machine. nspawn puts its cgroups into `payload/`. */
export function leaderOf(cgroup: string): number | undefined {
  const file = join(cgroup, 'payload', 'init.scope', 'cgroup.procs');
  if (!existsSync(file)) return undefined;
  return Number(readFileSync(file, 'utf8').split('\n')[0]) || undefined;
}

async function isUp(leader: number): Promise<boolean> {
  const [file = '', ...args] = enter(leader, ['systemctl', 'is-system-running']);
  const { stdout } = await execa(file, args, { reject: false, stdin: 'ignore' });
  return stdout === 'running' || stdout === 'degraded';
}
