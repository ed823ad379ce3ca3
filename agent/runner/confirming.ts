/** The phase confirming: the agent that the manifest names is proven to run and to stay. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentManifest } from '../../protocol/index.ts';
import { bootId } from '../process.ts';
import { readAgentState } from '../run-directory/agent-state.ts';
import { statePaths } from '../run-directory/layout.ts';
import {
  judge,
  mayBeTheRelay,
  RELAY_GRACE_MS,
  relayPatience,
  watchOn,
  type Verdict,
  type Watch,
} from './confirm-rules.ts';
import type { RunContext } from './context.ts';
import { duration } from './phase-control.ts';
import { RunFailure } from './reason.ts';
import { probeRelay, type Probe } from './relay-probe.ts';

const LOOK_MS = 200;
/** How often the relay is asked while the agent has not been greeted. */
const PROBE_MS = 2000;
/** How often a missing agent is looked after, where its service manager may have lost it. */
const REVIVE_MS = 1000;

export type Confirmation = Extract<Verdict, { kind: 'confirmed' }>;

export interface ConfirmOptions {
  /** The generation that runs. */
  readonly toplevel: string;
  /** The agent that must run; undefined when any agent of the unit will do. */
  readonly manifest: AgentManifest | undefined;
  /**
   * Milliseconds for the proof. The settling time comes on top, for an agent that is proven by then, and up to
   * `RELAY_GRACE_MS` for one that only the relay kept from it.
   */
  readonly deadline: number;
  readonly settling: number;
  /** ms since the epoch: the agent's own log from there on is shown when it is not proven. */
  readonly since: number;
  /** Asked at every look; throws when the run is to be undone. */
  readonly safePoint: () => void;
}

/** Waits until the agent is proven. Throws `RunFailure`, `agent-not-confirmed` when the time is up. */
export async function confirm(run: RunContext, options: ConfirmOptions): Promise<Confirmation> {
  const { control, config } = run;
  const limits = { settling: options.settling, relayPatience: relayPatience(options.deadline) };
  const proofBy = performance.now() + options.deadline;
  let watch: Watch = {};
  let probe: Probe | undefined;
  let nextProbe = 0;
  let nextRevival = 0;
  let said = '';
  let revival = '';
  for (;;) {
    const health = judge(
      {
        service: await run.services.agent(),
        state: readAgentState(statePaths(config.stateDir).agent),
        bootId: bootId(),
      },
      options.manifest,
    );
    if (health.kind === 'healthy' && performance.now() >= nextProbe) {
      probe = await probeRelay(config, control.signal);
      nextProbe = performance.now() + PROBE_MS;
    }
    if (health.kind === 'missing' && run.services.revive && performance.now() >= nextRevival) {
      const done = await run.services.revive({ toplevel: options.toplevel, storePath: options.manifest?.storePath });
      if (done !== undefined && done !== revival) run.steps.say(done);
      revival = done ?? revival;
      nextRevival = performance.now() + REVIVE_MS;
    }
    const now = performance.now();
    const verdict = watchOn(watch, health, health.kind === 'healthy' ? probe : undefined, now, limits);
    if (verdict.kind === 'confirmed') return verdict;
    if (verdict.why !== said) run.steps.say(verdict.why);
    said = verdict.why;
    watch = verdict.watch;
    options.safePoint();
    control.signal.throwIfAborted();
    const isLate = now >= proofBy && watch.goodSince === undefined;
    if (isLate && !(now < proofBy + RELAY_GRACE_MS && mayBeTheRelay(watch, health, now)))
      throw await notConfirmed(run, options, revival === '' ? said : `${said}; ${revival}`);
    await delay(LOOK_MS);
  }
}

async function notConfirmed(
  run: RunContext,
  { manifest, deadline, since }: ConfirmOptions,
  seen: string,
): Promise<RunFailure> {
  const which = manifest ? `the agent ${manifest.version} (${manifest.storePath})` : 'the old agent';
  return new RunFailure(
    {
      kind: 'agent-not-confirmed',
      message: `${which} was not proven within ${duration(deadline)}: ${seen}`,
      advice: 'Look at the agent’s last log lines; build and try that revision on one host first.',
    },
    (await run.services.agentLog(since)).slice(-20),
  );
}
