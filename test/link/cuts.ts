/**
 * A run whose output is cut off again and again on its way: the relay is killed, or a connection cut, in the middle of
 * what is being written, and every viewer must have it all each time before it goes on.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { plannedOutput, type FakePlan } from '../../agent/testing/fake-runner.ts';
import type { Operator, WatchedRun } from '../support/operator.ts';
import { CutProxy } from './cut-proxy.ts';
import { LinkRig } from './rig.ts';

export interface CutsOptions {
  readonly cuts: number;
  /** Of output, evenly between the cuts. */
  readonly lines: number;
  readonly viewers: number;
  readonly seed: number;
}

/** The relay's process, the agent's connection, those of all viewers, or both kinds at once. */
export type CutKind = 'relay' | 'agent' | 'viewers' | 'sockets';

export interface Cut {
  readonly kind: CutKind;
  /** Milliseconds until every viewer had everything that was written. */
  readonly caughtUp: number;
}

export interface CutsResult {
  readonly cuts: readonly Cut[];
  /** Of output. */
  readonly bytes: number;
}

const KINDS: readonly CutKind[] = ['relay', 'relay', 'agent', 'viewers', 'sockets'];

interface Viewer {
  readonly operator: Operator;
  readonly run: WatchedRun;
  bytes: number;
}

/** Goes through all cuts. Rejects when a viewer ends with anything but the bytes and events of the run directory. */
export async function cutAgainAndAgain(options: CutsOptions): Promise<CutsResult> {
  await using stack = new AsyncDisposableStack();
  let proxy: CutProxy | undefined;
  const rig = stack.use(
    await LinkRig.start({
      agent: join(import.meta.dirname, 'resolute-agent.ts'),
      between: async url => {
        proxy = stack.use(await CutProxy.to(url));
        return proxy.url;
      },
    }),
  );
  const plan = planOf(rig, options);
  rig.plan(plan);
  const viewers: Viewer[] = [];
  for (let number = 1; number <= options.viewers; number++) {
    const operator = stack.use(await rig.operator(`viewer${number}`));
    const runId = viewers[0]?.run.runId ?? (await operator.update('web'));
    const viewer: Viewer = { operator, run: await operator.watch(runId), bytes: 0 };
    // what came before this was set counts too
    viewer.bytes = viewer.run.bytes('output').length;
    viewer.run.onOutput = bytes => (viewer.bytes += bytes.length);
    viewers.push(viewer);
  }

  const numbers = random(options.seed);
  const cuts: Cut[] = [];
  let written = 0;
  for (const [index, step] of plan.steps.entries()) {
    const size = Buffer.byteLength(plannedOutput({ steps: [step] }));
    const kind = KINDS[Math.floor(numbers.next().value * KINDS.length)] ?? 'relay';
    await have(viewers.slice(0, 1), written + Math.floor(numbers.next().value * size), `cut ${index + 1}`);
    const begin = performance.now();
    if (kind === 'relay') {
      await rig.kill('relay');
      await rig.startRelay();
    }
    if (kind === 'agent' || kind === 'sockets') proxy?.cut();
    if (kind === 'viewers' || kind === 'sockets') for (const { operator } of viewers) operator.cut();
    written += size;
    await have(viewers, written, `what was written at cut ${index + 1} (${kind})`);
    cuts.push({ kind, caughtUp: performance.now() - begin });
    rig.signal(goName(index));
  }
  for (const viewer of viewers) await assertWhole(rig, viewer, plan);
  return { cuts, bytes: written };
}

function planOf(rig: LinkRig, { cuts, lines }: CutsOptions): FakePlan {
  const times = Math.ceil(lines / cuts);
  return {
    steps: Array.from({ length: cuts }, (_, index) => ({
      text: `stretch ${index}, line # of a build that is cut off again and again while somebody looks at it\n`,
      times,
      chunk: Math.ceil(times / 20),
      pause: 20,
      waitFor: rig.join(goName(index)),
    })),
  };
}

function goName(index: number): string {
  return `go-${index}`;
}

async function have(viewers: readonly Viewer[], bytes: number, what: string): Promise<void> {
  for (const viewer of viewers) await viewer.operator.waitFor(what, () => viewer.bytes >= bytes, 120_000);
}

/** Nothing lost, nothing twice, nothing in another order: the same bytes, and the same events. */
async function assertWhole(rig: LinkRig, { operator, run, bytes }: Viewer, plan: FakePlan): Promise<void> {
  await operator.finished(run.runId);
  const seen = run.bytes('output');
  assert.equal(seen.length, bytes, 'each byte came once');
  assert.ok(seen.equals(rig.runFile(run.runId, 'output.log')), 'the bytes of the run directory');
  assert.ok(seen.equals(Buffer.from(plannedOutput(plan))), 'the bytes that were meant to be written');
  const journal = rig.runFile(run.runId, 'journal.ndjson').toString().trimEnd().split('\n');
  assert.deepEqual(
    run.events,
    journal.map(line => JSON.parse(line) as unknown),
  );
}

/** Numbers from 0 to below 1, the same ones for the same seed. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}
