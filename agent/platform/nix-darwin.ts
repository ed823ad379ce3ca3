import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConfig } from '../config.ts';
import { lastLines } from '../runner/last-lines.ts';
import type { RunReason } from '../runner/reason.ts';
import { OwnScript } from './own-script.ts';
import type { Activation, ByHand, RunStep } from './rebuilder.ts';

/** What a check of nix-darwin says that stops the activation before it changes anything (nix-darwin, modules/system/checks.nix and etc.nix). */
const ABORTED = /aborting activation/;

/**
 * nix-darwin: `activate` as root first, and the profile only when the agent is proven. `darwin-rebuild switch` has it the
 * other way round; what boots (`org.nixos.activate-system`) is the profile's generation, so until then the old one does.
 */
export class NixDarwin extends OwnScript {
  readonly byHand: ByHand = {
    rebuild: 'sudo darwin-rebuild switch --flake . in the checkout',
    activate: toplevel => `sudo ${toplevel}/activate`,
  };
  readonly buildAttribute: string;
  protected readonly platform = 'nix-darwin';

  /** @param configuration the flake output, such as `darwinConfigurations."mini"` */
  constructor(system: AgentConfig['system'], configuration: string) {
    super(system);
    this.buildAttribute = `${configuration}.system`;
  }

  override activate(run: RunStep, toplevel: string): Promise<Activation> {
    return wantsUser(toplevel) ? Promise.resolve({ kind: 'refused', reason: TOO_OLD }) : super.activate(run, toplevel);
  }

  async commit(run: RunStep, toplevel: string): Promise<RunReason | undefined> {
    const advice = `The new generation runs and its agent is proven. On the host: ${this.byHand.rebuild}.`;
    const set = await run(['nix-env', '-p', this.system.profile, '--set', toplevel]);
    if (set.exitCode !== 0) {
      const why = set.stopped?.reason.message ?? set.notStarted?.message ?? lastLines(set.tail, 1)[0];
      return { kind: 'commit', message: `the system profile could not be set${why ? `: ${why}` : ''}`, advice };
    }
    return this.unlessAt(toplevel, advice);
  }

  override async restoreDefault(run: RunStep, recorded: string): Promise<RunReason | undefined> {
    const activation = await this.runScript(run, recorded);
    if ('reason' in activation) return activation.reason;
    return this.current().profile === recorded ? undefined : this.commit(run, recorded);
  }

  protected async runScript(run: RunStep, toplevel: string): Promise<Activation> {
    const before = this.current().running;
    const ending = await run([`${toplevel}/activate`]);
    const activation = this.endingOf(ending);
    const said = new TextDecoder().decode(ending.tail);
    if (activation.kind !== 'failed' || !ABORTED.test(said) || this.current().running !== before) return activation;
    const check = lastLines(ending.tail, 20).find(line => ABORTED.test(line));
    return {
      kind: 'refused',
      reason: {
        kind: 'activation',
        message: `the new generation refused to be activated: ${check?.trim() ?? 'a check failed'}`.slice(0, 2000),
        advice: 'Nothing was changed. Mend what the check asks for, then run the update again.',
      },
    };
  }
}

const TOO_OLD: RunReason = {
  kind: 'activation',
  message: 'this nix-darwin still activates a part as the user (activate-user), which an update cannot do',
  advice: 'Update nix-darwin in nixcfg to 25.05 or newer, and switch by hand once.',
};

/** Before 25.05 a part was activated as the user; a script that only says so is left for the tools of that time. */
function wantsUser(toplevel: string): boolean {
  const script = join(toplevel, 'activate-user');
  return existsSync(script) && !/^\s*# nix-darwin: deprecated$/m.test(readFileSync(script, 'utf8'));
}
