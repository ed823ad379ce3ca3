/** What Home Manager and nix-darwin have in common: a generation brings its own script `activate`. */
import type { AgentConfig } from '../config.ts';
import type { RunReason } from '../runner/reason.ts';
import { somebodyElse } from './others.ts';
import {
  readGenerations,
  type Activation,
  type ByHand,
  type HostGeneration,
  type Rebuilder,
  type RunStep,
} from './rebuilder.ts';

export abstract class OwnScript implements Rebuilder {
  readonly method = 'activate';
  readonly bootsWhole = false;
  abstract readonly byHand: ByHand;
  abstract readonly buildAttribute: string;
  protected abstract readonly platform: 'home-manager' | 'nix-darwin';
  protected readonly system: AgentConfig['system'];

  constructor(system: AgentConfig['system']) {
    this.system = system;
  }

  /**
   * Where no link says what runs, it is what the profile says: in a home that keeps no such link
   * (`home.activationGenerateGcRoot = false`), and on a Mac whose boot has not come to it yet.
   */
  current(): HostGeneration {
    const links = readGenerations(this.system.current, this.system.profile);
    return links.running === undefined && links.profile !== undefined ? { ...links, running: links.profile } : links;
  }

  activate(run: RunStep, toplevel: string): Promise<Activation> {
    const busy = somebodyElse(this.platform);
    return busy ? Promise.resolve({ kind: 'refused', reason: busy }) : this.runScript(run, toplevel);
  }

  /** The recorded generation's script, to its end: it must win, whoever else is at work. */
  async rollBack(run: RunStep, recorded: string): Promise<Activation> {
    const activation = await this.runScript(run, recorded);
    return activation.kind === 'refused' ? { kind: 'failed', reason: activation.reason } : activation;
  }

  async restoreDefault(run: RunStep, recorded: string): Promise<RunReason | undefined> {
    const activation = await this.rollBack(run, recorded);
    return 'reason' in activation ? activation.reason : undefined;
  }

  abstract commit(run: RunStep, toplevel: string): Promise<RunReason | undefined>;

  protected abstract runScript(run: RunStep, toplevel: string): Promise<Activation>;

  /** Says where the links lead, unless all lead to `toplevel`. */
  protected unlessAt(toplevel: string, advice: string): RunReason | undefined {
    const { running, profile } = this.current();
    if (running === toplevel && profile === toplevel) return undefined;
    return {
      kind: 'commit',
      message: `${this.system.current} leads to ${running ?? 'nothing'} and the profile to ${profile ?? 'nothing'}, and not to ${toplevel}`,
      advice,
    };
  }
}
