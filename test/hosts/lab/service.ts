// A server of the lab inside its network: git daemon, forwarder, forge, sshd. Can be killed and started again at will.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { startDaemon, type Daemon } from './daemon.ts';
import { eventually } from './wait.ts';

export interface ServiceOptions {
  /** For messages. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly cgroup: string;
  /** Its output goes there. */
  readonly logFile: string;
  /** It serves once its output matches. */
  readonly ready: RegExp;
}

export class Service {
  readonly #options: ServiceOptions;
  #process: Daemon | undefined;

  private constructor(options: ServiceOptions) {
    this.#options = options;
  }

  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    await service.start();
    return service;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Everything it ever printed. */
  get log(): string {
    return readFileSync(this.#options.logFile, 'utf8');
  }

  /** Starts it, unless it runs, and waits until it serves. */
  async start(): Promise<void> {
    if (this.running) return;
    const { name, argv, cgroup, logFile, ready } = this.#options;
    const before = existsSync(logFile) ? statSync(logFile).size : 0;
    const daemon = startDaemon({ argv, cgroup, logFile });
    this.#process = daemon;
    const since = () => (existsSync(logFile) ? readFileSync(logFile).subarray(before).toString() : '');
    await eventually(() => ready.test(since()) || !daemon.running, { what: `${name} to serve` });
    if (!daemon.running) throw new Error(`${name} ended at once:\n${since()}`);
  }

  /** `kill -9`: its connections break at once. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.#process?.running) return;
    process.kill(-this.#process.pid, 'SIGKILL');
    await this.#process.exited;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }
}
