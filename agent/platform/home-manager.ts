import { setTimeout as delay } from 'node:timers/promises';
import type { AgentConfig } from '../config.ts';
import { lastLines } from '../runner/last-lines.ts';
import type { RunReason } from '../runner/reason.ts';
import type { StepResult } from '../runner/step-runner.ts';
import { scriptEnding } from './activation.ts';
import { OwnScript } from './own-script.ts';
import { readGenerations, type Activation, type ByHand, type HostGeneration, type RunStep } from './rebuilder.ts';

/** What the activation needs to know of the user's session; the rest of the environment is clean. */
const SESSION = /^(?:XDG_(?:STATE|DATA|CONFIG|CACHE)_HOME|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS)$/;

/**
 * What Home Manager says when launchd would not take a job (home-manager, modules/launchd/default.nix). It does not wait for
 * launchd to clear up the old job: the same a few seconds later goes through.
 */
const JOB_NOT_TAKEN = /Failed to start agent|Bootstrap failed: (?:5|36|37):/;

/** So often a script is run that launchd does not let go through: with the pauses, for longer than launchd clears up. */
const MAX_ATTEMPTS = 4;

/** Jobs of `gui/UID` are there only while their user is logged in at the screen. */
const NO_SCREEN = /125: Domain does not support specified action/;

/**
 * Home Manager, standalone. `activate` without arguments does everything: checks, then moves the profile (at its
 * `writeBoundary`), links files, restarts services, and last of all moves the link `current-home` (home-manager,
 * modules/home-environment.nix; a script of version 1 does the same when its caller names no driver version).
 * So a link `current-home` that has moved says that the script went through, and a profile that has not says that nothing was touched.
 */
export class HomeManager extends OwnScript {
  readonly byHand: ByHand = {
    rebuild: 'home-manager switch --flake . in the checkout',
    activate: toplevel => `${toplevel}/activate`,
  };
  readonly buildAttribute: string;
  protected readonly platform = 'home-manager';
  readonly #pause: number;

  /**
   * @param configuration the flake output, such as `homeConfigurations."ana"`
   * @param pause milliseconds before a script is run again that launchd did not let go through
   */
  constructor(system: AgentConfig['system'], configuration: string, pause = 3000) {
    super(system);
    this.#pause = pause;
    this.buildAttribute = `${configuration}.activationPackage`;
  }

  /**
   * The recorded generation's script takes away what the generation before it had brought: files, units, launchd's jobs, the
   * profile. Since 25.11 that is the one which `current-home` leads to. After an activation that ended half-way that link
   * still leads to the recorded one itself, which then would find nothing to do; so first it is said what is there by now.
   */
  override async rollBack(run: RunStep, recorded: string): Promise<Activation> {
    const half = this.#halfActivated(recorded);
    if (half !== undefined) {
      const { current } = this.system;
      const said = await run(['nix-store', '--realise', half, '--add-root', current, '--indirect']);
      if (said.exitCode !== 0) return { kind: 'failed', reason: notSaid(said, current, half) };
    }
    return super.rollBack(run, recorded);
  }

  /** The generation that an activation on top of `recorded` moved the profile to without coming to its end. */
  #halfActivated(recorded: string): string | undefined {
    const { running, profile } = readGenerations(this.system.current, this.system.profile);
    return running === recorded && profile !== recorded ? profile : undefined;
  }

  /** The profile has moved already. */
  commit(_run: RunStep, toplevel: string): Promise<RunReason | undefined> {
    return Promise.resolve(this.unlessAt(toplevel, `On the host: ${this.byHand.rebuild}.`));
  }

  protected async runScript(run: RunStep, toplevel: string): Promise<Activation> {
    const before = this.current();
    for (let attempt = 1; ; attempt++) {
      const ending = await run([`${toplevel}/activate`], { env: sessionOf(process.env) });
      const activation = scriptEnding(ending);
      const said = new TextDecoder().decode(ending.tail);
      const mayPass = activation.kind === 'failed' && !ending.stopped && JOB_NOT_TAKEN.test(said);
      if (!mayPass || NO_SCREEN.test(said) || attempt === MAX_ATTEMPTS)
        return withScreen(this.#judge(activation, toplevel, before), said);
      await delay(this.#pause);
    }
  }

  /** What the links say of a script that has ended. */
  #judge(activation: Activation, toplevel: string, before: HostGeneration): Activation {
    if (activation.kind === 'done') {
      const astray = this.unlessAt(toplevel, 'Look at what Home Manager said.');
      return astray ? { kind: 'failed', reason: { ...astray, kind: 'activation' } } : activation;
    }
    const { profile, running } = this.current();
    const isUntouched =
      before.profile !== undefined &&
      before.profile !== toplevel &&
      profile === before.profile &&
      running === before.running;
    // what ended it from outside has its own reason
    if (activation.kind !== 'failed' || activation.reason.kind !== 'activation' || !isUntouched) return activation;
    return {
      kind: 'refused',
      reason: {
        ...activation.reason,
        advice: 'Nothing was changed. Mend what it asks for, then run the update again.',
      },
    };
  }
}

function notSaid(ending: StepResult, current: string, half: string): RunReason {
  const why = ending.stopped?.reason.message ?? ending.notStarted?.message ?? lastLines(ending.tail, 1)[0];
  return {
    kind: 'activation',
    message: `${current} could not be made to lead to ${half}, which is half activated${why ? `: ${why}` : ''}`,
  };
}

/** Says where it is that which Home Manager does not: without a screen launchd has no place for its jobs. */
function withScreen(activation: Activation, said: string): Activation {
  if (activation.kind !== 'failed' || activation.reason.kind !== 'activation' || !NO_SCREEN.test(said))
    return activation;
  return {
    kind: 'failed',
    reason: {
      kind: 'activation',
      message: `Home Manager could not restart the agent: nobody is logged in at the screen (${activation.reason.message})`,
      advice:
        'Log in at the screen and run the update again. For a Mac without one: launchd.agents.nixfleet-agent.domain = "user" (Home Manager of July 2026 or newer).',
    },
  };
}

function sessionOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value !== undefined && SESSION.test(name) ? [[name, value]] : [])),
  );
}
