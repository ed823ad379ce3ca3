/**
 * A whole fleet for real: a relay process on this machine, and hosts of a lab whose agents reach it over their own
 * network. Host tests, the click-through in VS Code, the benchmarks and `npm start` all begin with one.
 */
import { join } from 'node:path';
import type { TestHost } from '../hosts/lab/host.ts';
import { Lab, type LabOptions } from '../hosts/lab/lab.ts';
import type { Provisioned } from '../hosts/lab/provision.ts';
import type { AgentOptions } from '../hosts/lab/repos.ts';
import type { Service } from '../hosts/lab/service.ts';
import { Operator } from './operator.ts';
import { RelayProcess } from './relay-process.ts';

/** Where hosts reach the relay, in the lab's network. */
const PORT = 7780;

export interface FleetOptions extends LabOptions {
  readonly hosts: readonly string[];
  /** Put over what every host says for `services.nixfleet-agent`. */
  readonly options?: AgentOptions;
}

export class Fleet implements AsyncDisposable {
  readonly lab: Lab;
  readonly #options: FleetOptions;
  readonly #operators: Operator[] = [];
  #relay: RelayProcess | undefined;
  #forward: Service | undefined;
  #operatorToken = '';

  private constructor(lab: Lab, options: FleetOptions) {
    this.lab = lab;
    this.#options = options;
  }

  /** A lab with a relay and no hosts yet. */
  static async create(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(await Lab.create(options), options);
    try {
      await fleet.#begin();
      return fleet;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    this.#relay = await RelayProcess.start({
      data: join(this.lab.folder, 'relay'),
      log: join(this.lab.folder, 'relay.log'),
      listen: ['127.0.0.1:0', `unix:${this.#socket}`],
    });
    this.#operatorToken = await this.relay.operator('ana');
    this.#forward = await this.lab.forward({ port: PORT, socket: this.#socket });
  }

  // beside the lab's folder names would be too long for a socket's address
  get #socket(): string {
    return join(this.lab.folder, 'relay.sock');
  }

  get relay(): RelayProcess {
    if (!this.#relay) throw new Error('the relay was never started');
    return this.#relay;
  }

  /** What stands between hosts and relay; `kill` cuts all of them off. */
  get forward(): Service {
    if (!this.#forward) throw new Error('the forwarder was never started');
    return this.#forward;
  }

  get operatorToken(): string {
    return this.#operatorToken;
  }

  /** What a host's configuration says here for `services.nixfleet-agent`. */
  optionsOf(name: string): AgentOptions {
    return {
      relayUrl: `ws://${this.lab.address}:${PORT}`,
      allowPlaintext: true,
      nixcfgPath: this.lab.host(name).flake,
      deadlines: { settling: 1.5 },
      ...this.#options.options,
    };
  }

  /** Boots a host, enrolls it, and gives it its first generation with an agent of that version. */
  async addHost(
    name: string,
    more: { readonly version?: string; readonly options?: AgentOptions } = {},
  ): Promise<TestHost & { readonly first: Provisioned }> {
    const host = await this.lab.boot(name);
    const token = await this.relay.enroll(name);
    const first = await host.provision({
      version: more.version ?? this.#options.version ?? '1.0.0',
      options: { ...this.optionsOf(name), ...more.options },
      token,
    });
    return Object.assign(host, { first });
  }

  /** An operator of this fleet, closed with it. */
  async operator(): Promise<Operator> {
    const operator = await Operator.connect({ url: this.relay.url, token: this.#operatorToken });
    this.#operators.push(operator);
    return operator;
  }

  async close(): Promise<void> {
    await Promise.all(this.#operators.map(operator => operator.close()));
    await this.#relay?.close();
    await this.lab.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
