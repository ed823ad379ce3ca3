/**
 * One host with a disk that forgets what was not synced, its relay, and somebody who watches: where the cells of the
 * matrix are run, one after another. `run` carries one out and checks what must hold whatever happened.
 */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { RunId } from '../../protocol/index.ts';
import {
  agentPid,
  assertAsBefore,
  assertNothingWasLost,
  assertUpdatedTo,
  factsOf,
  type HostFacts,
} from '../fleet/oracle.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { Fleet } from '../support/fleet.ts';
import { RefusedError, type Operator, type WatchedRun } from '../support/operator.ts';
import { after, holdIn, type Hold, type Stage } from './holds.ts';
import { ACTIVATING, CONFIRMING, strikeOf } from './strikes.ts';
import { endsAnywhere, type End, type Fault, type RunCell } from './table.ts';

const NAME = 'h1';

/** Milliseconds a run of the matrix may take in all, on a busy machine. */
const PATIENCE = 150_000;

export interface CellResult {
  readonly outcome: End;
  /** The kind of the reason; '' for a run that went through. */
  readonly kind: string;
  readonly resumes: number;
  /** Milliseconds from the beginning of the phase confirming to the end, of a run that came so far. */
  readonly confirmedIn?: number;
}

/** A fault, and what may come of it. */
type Struck = Pick<RunCell, 'fault' | 'ends'>;

export class FaultRig implements AsyncDisposable {
  readonly #fleet: Fleet;
  readonly #host: TestHost;
  readonly #operator: Operator;
  #patch = 0;

  private constructor(fleet: Fleet, host: TestHost, operator: Operator) {
    this.#fleet = fleet;
    this.#host = host;
    this.#operator = operator;
  }

  static async create(log: (line: string) => void): Promise<FaultRig> {
    const fleet = await Fleet.create({ hosts: [NAME], disk: { megabytes: 512 }, log });
    try {
      const host = await fleet.addHost(NAME, { options: { deadlines: { settling: 2 } } });
      const operator = await fleet.operator();
      const rig = new FaultRig(fleet, host, operator);
      await rig.#isOnline();
      await fleet.relay.close();
      cpSync(fleet.relay.data, rig.#backup, { recursive: true });
      await fleet.relay.start();
      await rig.#isOnline();
      return rig;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet.close();
  }

  get #backup(): string {
    return join(this.#fleet.lab.folder, 'relay-backup');
  }

  async #isOnline(): Promise<void> {
    await this.#operator.waitFor('the agent', () => this.#operator.hosts.get(NAME)?.online, 60_000);
  }

  /** Carries the cell out. Throws when something that must hold does not; the rig is of no use then. */
  run(cell: RunCell): Promise<CellResult> {
    return this.#run(cell, holdIn(cell.phase, this.#stage));
  }

  /** Lets a fault strike so many milliseconds after the run was asked for, wherever it is by then. */
  runAnywhere(fault: Fault, milliseconds: number): Promise<CellResult> {
    return this.#run({ fault, ends: endsAnywhere(fault) }, after(milliseconds));
  }

  get #stage(): Stage {
    return { fleet: this.#fleet, host: this.#host, operator: this.#operator };
  }

  async #run(cell: Struck, hold: Hold): Promise<CellResult> {
    const { lab } = this.#fleet;
    const host = this.#host;
    const strike = strikeOf(cell.fault, { ...this.#stage, hold, backup: this.#backup });
    const version = `1.1.${++this.#patch}`;

    await this.#isOnline();
    await lab.nixcfg.setOptions(NAME, {
      ...this.#fleet.optionsOf(NAME),
      deadlines: { settling: 2 },
      ...strike.options,
    });
    await lab.nixcfg.setFaults(NAME, { ...hold.faults, ...strike.faults });
    const rev = await lab.nixfleet.publish(version);
    const before = await factsOf(host);
    await host.disk.sync();
    await strike.prepare();
    await hold.prepare();
    const other = await this.#fleet.operator();
    try {
      const runId = await this.#operator.update(NAME, {
        targetRev: rev,
        deadlines: { pulling: 30_000, locking: 30_000, activating: ACTIVATING, confirming: CONFIRMING },
      });
      const run = await this.#operator.watch(runId);
      await hold.reached(runId, run);
      await strike.strike(runId);
      await this.#operator.waitFor('its end, or room for it', () => run.isComplete, 20_000).catch(() => undefined);
      await strike.heal();
      await this.#operator.finished(runId, PATIENCE);
      return await this.#check(cell, run, { before, version, other });
    } finally {
      await hold.release();
      await other.close();
    }
  }

  async #check(
    cell: Struck,
    run: WatchedRun,
    { before, version, other }: { before: HostFacts; version: string; other: Operator },
  ): Promise<CellResult> {
    const host = this.#host;
    const { end } = run.state;
    const summary = this.#operator.runs.get(run.runId);
    if (!end && summary?.delivery === 'refused') {
      assert.ok(cell.ends.includes('refused'), `refused: ${JSON.stringify(summary)}`);
      assert.ok(summary.reason?.message, 'it says why');
      await this.#isOnline();
      await assertAsBefore(host, before);
      return { outcome: 'refused', kind: summary.reason.kind, resumes: 0 };
    }
    const told = `${JSON.stringify(end, null, 2)}\n${run.output.slice(-3000)}\n${run.state.warnings.join('\n')}`;
    assert.ok(end, 'an end');
    assert.ok(cell.ends.includes(end.outcome), `ended ${end.outcome}, not ${cell.ends.join(' or ')}: ${told}`);
    assert.deepEqual(
      run.events.map(event => event.seq),
      run.events.map((_, index) => index + 1),
      'transitions without gap or repeat',
    );
    await this.#isOnline();
    // one that was killed as the run ended is started again a second later
    await host.waitFor(async () => (await agentPid(host)) !== 0, { what: 'the agent' });
    // who begins from nothing sees the same
    const second = await this.#fromNothing(other, run.runId);
    for (const viewer of [run, second]) assertNothingWasLost(host, viewer);
    try {
      if (end.outcome === 'succeeded') await assertUpdatedTo(host, run, version);
      else if (end.outcome !== 'inconsistent') await assertAsBefore(host, before);
      else await this.#runAgain();
    } catch (error) {
      throw new Error(`${String(error)}\n${told}`, { cause: error });
    }
    await this.#assertIdle(run.runId);
    const confirming = run.state.phases.findLast(({ phase }) => phase === 'confirming');
    return {
      outcome: end.outcome,
      kind: end.reason?.kind ?? '',
      resumes: run.state.resumes,
      ...(confirming && { confirmedIn: end.at - confirming.startedAt }),
    };
  }

  /** The run as somebody sees it who knows nothing of it. A relay that lost it has it from the host again, before long. */
  async #fromNothing(other: Operator, runId: RunId): Promise<WatchedRun> {
    let run: WatchedRun | undefined;
    const isThere = async (): Promise<boolean> => {
      try {
        run = await other.finished(runId);
        return true;
      } catch (error) {
        if (error instanceof RefusedError && error.reason.kind === 'no-such-run') return false;
        throw error;
      }
    };
    await this.#host.waitFor(isThere, { what: 'the relay to have the run from the host again' });
    assert.ok(run);
    return run;
  }

  /** Does what the advice of a run says that left its host between two states: once there is room, an update puts it right. */
  async #runAgain(): Promise<void> {
    const version = `1.1.${++this.#patch}`;
    await this.#fleet.lab.nixcfg.setFaults(NAME);
    await this.#fleet.lab.nixfleet.publish(version);
    const run = await this.#operator.finished(await this.#operator.update(NAME), PATIENCE);
    await assertUpdatedTo(this.#host, run, version);
  }

  /** Nothing of the run is at work any more. */
  async #assertIdle(runId: RunId): Promise<void> {
    await this.#host.waitFor(
      async () =>
        (await this.#host.exec(['systemctl', 'is-active', `nixfleet-run@${runId}.service`])).stdout !== 'active',
      { what: 'the runner to be gone' },
    );
    const left = await this.#host.sh('ls -A /var/lib/nixfleet-agent/inbox');
    assert.doesNotMatch(left.stdout, new RegExp(runId), 'nothing of the run is left in the inbox');
  }
}
