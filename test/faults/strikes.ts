/** How each fault is done to a run that is held, and how what it needs is brought back. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunId } from '../../protocol/index.ts';
import type { Faults } from '../hosts/lab/faults.ts';
import type { AgentOptions } from '../hosts/lab/repos.ts';
import type { Hold, Stage } from './holds.ts';
import type { Fault } from './table.ts';

/** Deadlines of runs of the matrix, in milliseconds; see `rig.ts`. */
export const CONFIRMING = 6_000;
export const ACTIVATING = 6_000;

/** How long a network is away that comes back before anybody minds, and one that does not. */
const CUT = 1_500;
const LOST = CONFIRMING + 2_000;

export interface StrikeStage extends Stage {
  readonly hold: Hold;
  /** A copy of the relay's data from before the run. */
  readonly backup: string;
}

export interface Strike {
  /** What the host's next generation is like. */
  readonly faults: Faults;
  /** Over what its options say. */
  readonly options: AgentOptions;
  /** Before the run is asked for. */
  prepare(): Promise<void>;
  /** While the run is held; lets it go, once or more. */
  strike(runId: RunId): Promise<void>;
  /** After the run's end, also when it was not as it should be. */
  heal(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

export function strikeOf(fault: Fault, stage: StrikeStage): Strike {
  const plain = (strike: Strike['strike'], more: Partial<Strike> = {}): Strike => ({
    faults: {},
    options: {},
    prepare: nothing,
    strike,
    heal: nothing,
    ...more,
  });
  const { fleet, host, hold } = stage;
  const kill = async (...units: string[]): Promise<void> => {
    const killed = await host.exec(['systemctl', 'kill', '--signal=KILL', '--kill-whom=main', ...units]);
    // one that is being started again just then has no process to be killed
    if (killed.exitCode !== 0) assert.match(killed.stderr, /No main process to kill|not loaded/);
  };
  const runner = (runId: RunId): string => `nixfleet-run@${runId}.service`;
  const letGo = () => hold.release();
  switch (fault) {
    case 'kill-agent':
      return plain(async () => {
        await kill(AGENT);
        await letGo();
      });
    case 'kill-runner':
      return plain(async runId => {
        await kill(runner(runId));
        await letGo();
      });
    case 'kill-both':
      return plain(async runId => {
        await kill(AGENT, runner(runId));
        await letGo();
      });
    case 'kill-relay':
      return plain(async () => {
        await fleet.relay.kill();
        await letGo();
        await fleet.relay.start();
      });
    case 'power-loss':
      return plain(async () => {
        await host.powerLoss();
        await letGo();
        await host.bootAgain();
      });
    case 'network-cut':
    case 'network-lost':
      return plain(
        async () => {
          await host.networkDown();
          await letGo();
          // the fault is a time without a network
          await delay(fault === 'network-cut' ? CUT : LOST);
          await host.networkUp();
        },
        { heal: () => host.networkUp() },
      );
    case 'relay-empty':
      return plain(
        async () => {
          // without a word to the host, whose socket stays half-open
          await host.networkDown();
          await fleet.relay.kill();
          rmSync(fleet.relay.data, { recursive: true });
          cpSync(stage.backup, fleet.relay.data, { recursive: true });
          await fleet.relay.start();
          await letGo();
          await host.networkUp();
        },
        { heal: () => host.networkUp() },
      );
    case 'window-reloaded':
      return plain(async () => {
        stage.operator.cut();
        await letGo();
      });
    case 'disk-full':
      return plain(
        async () => {
          await host.sh('fallocate -l 100G /ballast 2>/dev/null; cat /dev/zero > /ballast 2>/dev/null || :');
          await letGo();
        },
        {
          heal: async () => {
            await host.run(['rm', '-f', '/ballast']);
          },
        },
      );
    case 'clock-ahead':
    case 'clock-behind':
      return clock(stage, plain, fault === 'clock-ahead' ? '+1d' : '-1d');
    case 'agent-crashes':
      return plain(letGo, { faults: { agent: 'crash' } });
    case 'agent-crashes-kill-runner':
      return plain(
        async runId => {
          await kill(runner(runId));
          await letGo();
        },
        { faults: { agent: 'crash' } },
      );
    case 'agent-unreachable':
      return plain(letGo, { options: { relayUrl: `ws://${fleet.lab.address}:9` } });
    case 'activation-exits-4':
      return plain(letGo, { faults: { units: { 'backup.service': '/bin/false' } } });
    case 'activation-hangs':
      return plain(letGo, { faults: { activation: { at: 'after', hang: true } } });
  }
}

const AGENT = 'nixfleet-agent.service';
const CLOCK = '/run/nixfleet-test-clock';
const DROP_INS = [AGENT, 'nixfleet-run@.service'].map(unit => `/etc/systemd/system/${unit}.d/clock.conf`);

/** The wall clock of agent and runner alone, by libfaketime: one cannot have a clock of a host's own. */
function clock(
  { host, hold }: StrikeStage,
  plain: (strike: Strike['strike'], more?: Partial<Strike>) => Strike,
  by: string,
): Strike {
  const environment = {
    LD_PRELOAD: 'libfaketime.so.1',
    LD_LIBRARY_PATH: host.libraries('faketime'),
    FAKETIME_TIMESTAMP_FILE: CLOCK,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DISABLE_SHM: '1',
  };
  const lines = Object.entries(environment).map(([name, value]) => `Environment=${name}=${value}\n`);
  return plain(
    async () => {
      host.writeFile(CLOCK, `${by}\n`);
      await hold.release();
    },
    {
      prepare: async () => {
        host.writeFile(CLOCK, '+0\n');
        for (const path of DROP_INS) host.writeFile(path, `[Service]\n${lines.join('')}`);
        await host.run(['systemctl', 'daemon-reload']);
        await host.run(['systemctl', 'restart', AGENT]);
      },
      heal: async () => {
        await host.run(['rm', '-f', ...DROP_INS, CLOCK]);
        await host.run(['systemctl', 'daemon-reload']);
        await host.run(['systemctl', 'restart', AGENT]);
      },
    },
  );
}
