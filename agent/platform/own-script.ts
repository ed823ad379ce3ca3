/** What Home Manager and nix-darwin have in common: a generation brings its own script `activate`. */
import type { AgentConfig } from '../config.ts';
import type { RunReason } from '../runner/reason.ts';
import { activationOf } from './activation.ts';
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

  current(): HostGeneration {
    return readGenerations(this.system.current, this.system.profile);
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
    const activation = await this.runScript(run, recorded);
    return 'reason' in activation ? activation.reason : undefined;
  }

  abstract commit(run: RunStep, toplevel: string): Promise<RunReason | undefined>;

  protected abstract runScript(run: RunStep, toplevel: string): Promise<Activation>;

  /** What a script's ending means that is not told apart by where the links lead. */
  protected endingOf(ending: Parameters<typeof activationOf>[0]): Activation {
    return activationOf(ending, 'activate');
  }

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
