/** How a run is held in a phase, so that a fault strikes there and nowhere else, and is let go afterwards. */
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Faults } from '../hosts/lab/faults.ts';
import type { Fleet } from '../support/fleet.ts';
import type { Operator, WatchedRun } from '../support/operator.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import type { Phase, RunId } from '../../protocol/index.ts';

/** Below /run, so that a power loss takes it away. */
const HELD = '/run/nixfleet-test-held';

export interface Stage {
  readonly fleet: Fleet;
  readonly host: TestHost;
  readonly operator: Operator;
}

export interface Hold {
  /** What the host's next generation must be like for it. */
  readonly faults: Faults;
  /** Before the run is asked for. */
  prepare(): Promise<void>;
  /** Once it is asked for: resolves when it is in the phase, and stays there. */
  reached(runId: RunId, run: WatchedRun): Promise<void>;
  /** Lets it go on. Can be called again, and with the host switched off. */
  release(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** Holds nothing: what strikes does so after so many milliseconds, wherever the run is by then. */
export function after(milliseconds: number): Hold {
  return { faults: {}, prepare: nothing, reached: () => delay(milliseconds), release: nothing };
}

export function holdIn(phase: Phase, stage: Stage): Hold {
  switch (phase) {
    case 'queued':
      return queued(stage);
    case 'accepted':
      return accepted(stage);
    case 'pulling':
      return git(stage, 'nixcfg', phase, 'git fetch');
    case 'locking':
      return git(stage, 'nixfleet', phase, 'nix flake update');
    case 'building':
      return file(stage, phase, { build: { lines: 20, hold: HELD } }, 'building part 20 of 20');
    case 'activating':
      return file(stage, phase, { activation: { at: 'after', hold: HELD } }, 'starting the following units');
    case 'confirming':
      return settling(stage);
    case 'committing':
      return file(stage, phase, { activation: { at: 'bootloader', hold: HELD } }, undefined);
  }
}

/** The host is out of reach. */
function queued({ fleet, operator, host }: Stage): Hold {
  return {
    faults: {},
    prepare: async () => {
      await fleet.forward.kill();
      await operator.waitFor('the relay to miss the host', () => operator.hosts.get(host.name)?.online === false);
    },
    reached: nothing,
    release: () => fleet.forward.start(),
  };
}

/**
 * The runner is frozen while it still loads its program. Not before it is that program: until then the host's systemd, which
 * started it, cannot go on either.
 */
function accepted({ host }: Stage): Hold {
  let freezer: string | undefined;
  return {
    faults: {},
    prepare: nothing,
    reached: async runId => {
      const folder = host.cgroupOf(`system.slice/system-nixfleet\\x2drun.slice/nixfleet-run@${runId}.service`);
      const deadline = performance.now() + 30_000;
      while (!isLoading(folder)) {
        if (performance.now() > deadline) throw new Error('waited 30 s for a runner');
        await new Promise(resolve => setImmediate(resolve));
      }
      freezer = `${folder}/cgroup.freeze`;
      writeFileSync(freezer, '1');
    },
    release: () => {
      if (freezer !== undefined && existsSync(freezer)) writeFileSync(freezer, '0');
      freezer = undefined;
      return nothing();
    },
  };
}

/** Whether a process in the control group has become the agent's program. */
function isLoading(group: string): boolean {
  try {
    const [pid = ''] = readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n');
    return readlinkSync(`/proc/${pid}/exe`).endsWith('/node');
  } catch {
    return false;
  }
}

/** A repository does not answer. */
function git({ fleet, operator }: Stage, repository: 'nixcfg' | 'nixfleet', phase: Phase, command: string): Hold {
  let letGo: (() => void) | undefined;
  return {
    faults: {},
    prepare: () => {
      letGo = fleet.lab.holdGit(repository);
      return nothing();
    },
    reached: async (_, run) => {
      await operator.waitFor(`${phase}, held`, () => run.state.phase === phase && run.output.includes(`$ ${command}`));
    },
    release: () => {
      letGo?.();
      return nothing();
    },
  };
}

/** A step of the host's own waits for a file to go. */
function file({ host, operator }: Stage, phase: Phase, faults: Faults, says: string | undefined): Hold {
  return {
    faults,
    prepare: () => {
      host.writeFile(HELD, '');
      return nothing();
    },
    reached: async (_, run) => {
      await operator.waitFor(
        `${phase}, held`,
        () => run.state.phase === phase && (says === undefined || run.output.includes(says)),
      );
    },
    release: async () => {
      if (host.running) await host.exec(['rm', '-f', HELD]);
    },
  };
}

/** The agent has to stay up for a while anyway. */
function settling({ operator }: Stage): Hold {
  return {
    faults: {},
    prepare: nothing,
    reached: async (_, run) => {
      await operator.waitFor('the proof to begin', () => run.state.phase === 'confirming');
    },
    release: nothing,
  };
}
