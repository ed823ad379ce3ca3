import type { AgentConfig } from '../config.ts';
import type { RunReason } from '../runner/reason.ts';
import { lastLines } from '../runner/last-lines.ts';
import type { StepResult } from '../runner/step-runner.ts';
import { activationOf } from './activation.ts';
import {
  readGenerations,
  type Activation,
  type ByHand,
  type Checkout,
  type HostGeneration,
  type Rebuilder,
  type RunStep,
} from './rebuilder.ts';

/**
 * NixOS in steps of our own: `switch-to-configuration test` first, and the profile and boot entry only when the new agent
 * is proven. A host that loses power or its agent before that boots its old generation by itself.
 */
export class NixosStaged implements Rebuilder {
  readonly method: Rebuilder['method'] = 'staged';
  readonly bootsWhole = true;
  readonly byHand: ByHand = {
    rebuild: 'sudo nixos-rebuild switch in the checkout',
    activate: toplevel => `sudo ${toplevel}/bin/switch-to-configuration test`,
  };
  readonly buildAttribute: string;
  protected readonly system: AgentConfig['system'];

  /** @param configuration the flake output, such as `nixosConfigurations."web"` */
  constructor(system: AgentConfig['system'], configuration: string) {
    this.system = system;
    this.buildAttribute = `${configuration}.config.system.build.toplevel`;
  }

  current(): HostGeneration {
    return readGenerations(this.system.current, this.system.profile);
  }

  async activate(run: RunStep, toplevel: string, _checkout: Checkout): Promise<Activation> {
    return activationOf(await run([`${toplevel}/bin/switch-to-configuration`, 'test']));
  }

  async rollBack(run: RunStep, recorded: string): Promise<Activation> {
    // the profile never moved: what boots is the old generation all along
    return activationOf(await run([`${recorded}/bin/switch-to-configuration`, 'test']));
  }

  commit(run: RunStep, toplevel: string): Promise<RunReason | undefined> {
    return this.makeDefault(run, toplevel, PROVEN);
  }

  restoreDefault(run: RunStep, recorded: string): Promise<RunReason | undefined> {
    return this.makeDefault(run, recorded, `By hand: ${this.byHand.rebuild}.`);
  }

  protected async makeDefault(run: RunStep, toplevel: string, advice: string): Promise<RunReason | undefined> {
    const set = await run(['nix-env', '-p', this.system.profile, '--set', toplevel]);
    if (set.exitCode !== 0) return notDefault('the system profile could not be set', set, advice);
    const boot = await run([`${toplevel}/bin/switch-to-configuration`, 'boot']);
    if (boot.exitCode !== 0)
      return notDefault('the profile is set, but the boot default could not be written', boot, advice);
    const { profile } = this.current();
    if (profile === toplevel) return undefined;
    return {
      kind: 'commit',
      message: `the system profile points to ${profile ?? 'nothing'} and not to ${toplevel}`,
      advice,
    };
  }
}

const PROVEN =
  'The new generation runs and its agent is proven. On the host: sudo nixos-rebuild switch in the checkout, which also writes the boot default.';

function notDefault(what: string, ending: StepResult, advice: string): RunReason {
  const why = ending.stopped?.reason.message ?? ending.notStarted?.message ?? lastLines(ending.tail, 1)[0];
  return { kind: 'commit', message: `${what}${why ? `: ${why}` : ''}`, advice };
}
