import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { foldRun, type Outcome, type Phase, type RunId } from '../../protocol/index.ts';
import { TestHost, type Ended, type HostState } from './testing/test-host.ts';

/** What matters of a host, and of what lies upstream of it. */
interface Model {
  /** The newest revision of the input, and how many commits were pushed to nixcfg; they build nothing else here. */
  newest: string;
  commits: number;
  /** What was configured to go wrong with the next generation. */
  broken: 'nothing' | 'build' | 'agent';
  /** The revision that the host runs. */
  runs: string;
  /** Revisions that were taken back here. */
  readonly takenBack: Set<string>;
}

interface Expected {
  readonly outcomes: readonly Outcome[];
  readonly kind?: string;
  readonly changed?: boolean;
}

/** How an update must end that nothing disturbs. */
function expectedOf(model: Model, retryAnyway: boolean): Expected {
  const { newest, broken, runs, takenBack } = model;
  if (takenBack.has(newest) && !retryAnyway) return { outcomes: ['failed'], kind: 'failed-before' };
  if (broken === 'build') return { outcomes: ['failed'], kind: 'evaluation' };
  if (runs === newest) return { outcomes: ['succeeded'], changed: false };
  if (broken === 'agent') return { outcomes: ['rolled-back'], kind: 'agent-not-confirmed' };
  return { outcomes: ['succeeded'], changed: true };
}

/** How it must end when the host lost its power in that phase. */
function expectedAfterPowerLoss(phase: Phase, otherwise: Expected): Expected {
  switch (phase) {
    case 'queued':
    case 'accepted':
      return otherwise;
    case 'pulling':
    case 'locking':
    case 'building':
      // nothing may have been recorded yet, and then the run begins again
      return { outcomes: ['failed', ...otherwise.outcomes] };
    case 'activating':
    case 'confirming':
      return { outcomes: ['rolled-back'] };
    case 'committing':
      return { outcomes: ['rolled-back', 'succeeded'] };
  }
}

type Disturbance = { readonly kind: 'kill' | 'power'; readonly phase: Phase };

const settle = (host: TestHost): void => host.configure({ deadlines: { confirming: 3000, settling: 50 } });

class Release implements fc.AsyncCommand<Model, TestHost> {
  readonly #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, host: TestHost): Promise<void> {
    model.newest = host.release(this.#name);
    return Promise.resolve();
  }
  toString(): string {
    return `release ${this.#name}`;
  }
}

class Push implements fc.AsyncCommand<Model, TestHost> {
  check(): boolean {
    return true;
  }
  run(model: Model, host: TestHost): Promise<void> {
    model.commits++;
    host.push({ 'hosts.nix': `{ web = ${model.commits}; }\n` }, `change ${model.commits}`);
    return Promise.resolve();
  }
  toString(): string {
    return 'push';
  }
}

class Break implements fc.AsyncCommand<Model, TestHost> {
  readonly #what: Model['broken'];
  constructor(what: Model['broken']) {
    this.#what = what;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, host: TestHost): Promise<void> {
    model.broken = this.#what;
    host.plan({
      newest: model.newest,
      ...(this.#what === 'build' && { build: { exit: 1 } }),
      ...(this.#what === 'agent' && { agent: 'crash' as const }),
    });
    return Promise.resolve();
  }
  toString(): string {
    return `break ${this.#what}`;
  }
}

class Update implements fc.AsyncCommand<Model, TestHost> {
  readonly #retryAnyway: boolean;
  readonly #disturbance: Disturbance | undefined;
  constructor(retryAnyway: boolean, disturbance: Disturbance | undefined) {
    this.#retryAnyway = retryAnyway;
    this.#disturbance = disturbance;
  }
  /** An agent of a revision that runs already cannot be another one that does not. */
  check(model: Readonly<Model>): boolean {
    return model.broken !== 'agent' || model.runs !== model.newest;
  }
  async run(model: Model, host: TestHost): Promise<void> {
    const before = host.state();
    const runId = host.ask(this.#retryAnyway ? { retryAnyway: true } : {});
    const diedIn = this.#disturbance && (await disturb(host, runId, this.#disturbance));
    await host.run(runId);
    const end = host.end(runId);
    const undisturbed = expectedOf(model, this.#retryAnyway);
    const expected =
      diedIn !== undefined && this.#disturbance?.kind === 'power'
        ? expectedAfterPowerLoss(diedIn, undisturbed)
        : undisturbed;
    check(model, host, { before, runId, end, expected });
  }
  toString(): string {
    const disturbed = this.#disturbance ? ` with ${this.#disturbance.kind} while ${this.#disturbance.phase}` : '';
    return `update${this.#retryAnyway ? ' anyway' : ''}${disturbed}`;
  }
}

/** Ends the runner once it is in that phase, or has come as far as it goes; the phase in which it died, if it did. */
async function disturb(host: TestHost, runId: RunId, { kind, phase }: Disturbance): Promise<Phase | undefined> {
  await host.killWhen(runId, events => {
    const state = foldRun(events);
    return state.end !== undefined || state.phase === phase;
  });
  const state = foldRun(host.events(runId));
  if (state.end) return undefined;
  if (kind === 'power') await host.losePower(runId);
  return state.phase;
}

interface Seen {
  readonly before: HostState;
  readonly runId: RunId;
  readonly end: Ended;
  readonly expected: Expected;
}

/** The run said what the model says, and the host is what the run said. */
function check(model: Model, host: TestHost, { before, runId, end, expected }: Seen): void {
  const told = host.output(runId);
  assert.ok(expected.outcomes.includes(end.outcome), `${end.outcome}, not ${expected.outcomes.join(' or ')}:\n${told}`);
  if (expected.kind !== undefined && expected.outcomes.length === 1)
    assert.equal(end.reason?.kind, expected.kind, told);
  if (expected.changed !== undefined && end.outcome === 'succeeded') assert.equal(end.changed, expected.changed, told);
  const state = host.state();
  if (end.outcome === 'succeeded') {
    model.runs = model.newest;
    model.takenBack.delete(model.newest);
    assert.equal(state.running, state.profile, 'what runs is what boots');
    assert.equal(end.after.input?.rev, model.newest);
    assert.equal(state.agent, end.after.agent?.storePath, 'the agent that runs is the one that was named');
  } else {
    assert.deepEqual(state, before, told);
    if (end.reason?.kind === 'agent-not-confirmed') model.takenBack.add(model.newest);
  }
}

const PHASES_HELD: readonly Phase[] = [
  'accepted',
  'pulling',
  'locking',
  'building',
  'activating',
  'confirming',
  'committing',
];

const commands = fc.commands<Model, TestHost, false>(
  [
    fc.constantFrom('b', 'c', 'd').map(name => new Release(name)),
    fc.constant(new Push()),
    fc.constantFrom('nothing' as const, 'build' as const, 'agent' as const).map(what => new Break(what)),
    fc
      .record({
        retryAnyway: fc.boolean(),
        disturbance: fc.option(
          fc.record({
            kind: fc.constantFrom('kill' as const, 'power' as const),
            phase: fc.constantFrom(...PHASES_HELD),
          }),
          { nil: undefined },
        ),
      })
      .map(({ retryAnyway, disturbance }) => new Update(retryAnyway, disturbance)),
  ],
  { maxCommands: 10, size: 'max' },
);

/** NIXFLEET_TEST_SEED and NIXFLEET_TEST_RUNS look further than `npm test`, which walks the same ways each time. */
const seed = Number(process.env['NIXFLEET_TEST_SEED'] ?? 4);
const numRuns = Number(process.env['NIXFLEET_TEST_RUNS'] ?? 4);

describe('a host that is updated, broken, killed and mended in any order', function () {
  this.timeout(numRuns * 120_000);

  it('is always what the runs said of it', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async list => {
        const host = new TestHost();
        try {
          settle(host);
          const newest = host.release('a');
          const first = await host.update();
          assert.equal(first.outcome, 'succeeded', 'the host that everything begins with');
          const model: Model = {
            newest,
            commits: 0,
            broken: 'nothing',
            runs: newest,
            takenBack: new Set(),
          };
          await fc.asyncModelRun(() => ({ model, real: host }), list);
        } finally {
          host.remove();
        }
      }),
      { seed, numRuns, endOnFailure: true, interruptAfterTimeLimit: numRuns * 110_000 },
    );
  });
});
