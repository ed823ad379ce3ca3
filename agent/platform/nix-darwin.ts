import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentConfig } from '../config.ts';
import { lastLines } from '../runner/last-lines.ts';
import type { RunReason } from '../runner/reason.ts';
import { scriptEnding } from './activation.ts';
import { OwnScript } from './own-script.ts';
import type { Activation, ByHand, RunStep } from './rebuilder.ts';

/** What a check of nix-darwin says that stops the activation (nix-darwin, modules/system/checks.nix and etc.nix). */
const ABORTED = /aborting activation/;

/** Milliseconds that the boot may take to link the generation that runs. */
const BOOT_PATIENCE_MS = 60_000;

/** What the script says as soon as it begins to change something; some checks come later (modules/users). */
const BEGUN = /setting up (?:groups|users|\/etc)/;

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
    const failed = await this.#setProfile(run, toplevel, advice);
    if (failed) return failed;
    // where the job that links at boot had changed, it was run in the activation, and linked what the profile said then
    if (this.current().running !== toplevel) {
      const activation = await this.runScript(run, toplevel);
      if ('reason' in activation) return { ...activation.reason, kind: 'commit', advice };
    }
    return this.unlessAt(toplevel, advice);
  }

  /**
   * What boots comes first: if the power goes on the way back, the recorded generation is what boots. Its script takes away the
   * daemons of the generation that runs, which after an activation that ended half-way is the new one, whatever the link says.
   */
  override async rollBack(run: RunStep, recorded: string, built?: string): Promise<Activation> {
    await this.#booted();
    const { profile, running } = this.current();
    if (profile !== recorded) {
      const failed = await this.#setProfile(run, recorded, `By hand: ${this.byHand.rebuild}.`);
      if (failed) return { kind: 'failed', reason: failed };
    }
    if (built !== undefined && running === recorded) await run(['ln', '-sfn', built, this.system.current]);
    return super.rollBack(run, recorded);
  }

  /** The job that links the generation at boot is done: one that comes in between would change what the script goes by. */
  async #booted(): Promise<void> {
    const giveUpAt = performance.now() + BOOT_PATIENCE_MS;
    while (!isThere(this.system.current) && performance.now() < giveUpAt) await delay(200);
  }

  async #setProfile(run: RunStep, toplevel: string, advice: string): Promise<RunReason | undefined> {
    const set = await run(['nix-env', '-p', this.system.profile, '--set', toplevel]);
    if (set.exitCode === 0) return undefined;
    const why = set.stopped?.reason.message ?? set.notStarted?.message ?? lastLines(set.tail, 1)[0];
    return { kind: 'commit', message: `the system profile could not be set${why ? `: ${why}` : ''}`, advice };
  }

  protected async runScript(run: RunStep, toplevel: string): Promise<Activation> {
    const before = this.current().running;
    const ending = await run([`${toplevel}/activate`]);
    const activation = scriptEnding(ending);
    const said = new TextDecoder().decode(ending.tail);
    const isUntouched = ABORTED.test(said) && !BEGUN.test(said) && this.current().running === before;
    if (activation.kind !== 'failed' || ending.stopped || !isUntouched) return activation;
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

/** Also a link that leads nowhere. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
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
