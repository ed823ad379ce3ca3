import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import {
  agentMessageSchema,
  decodeFrame,
  OLDEST_AGENT_PROTOCOL,
  planChunk,
  PROTOCOL,
  START,
  type AgentMessage,
  type AnyRunEvent,
  type OperatorMessage,
  type OutputFrame,
  type RunId,
  type ToAgentMessage,
} from '../protocol/index.ts';
import { Harness } from './testing/harness.ts';
import { TestAgent } from './testing/test-agent.ts';
import type { TestOperator } from './testing/test-operator.ts';
import { until } from './testing/wait.ts';

const TRANSCRIPTS = join(import.meta.dirname, '../protocol/transcripts');

/** See protocol/transcripts/README.md. */
interface Line {
  readonly from: 'agent' | 'relay' | 'operator';
  readonly connects?: true;
  readonly text?: { readonly type: string };
  readonly frame?: string;
}

interface Transcript {
  readonly recordedAt: number;
  readonly lines: readonly Line[];
}

describe('an agent of a released protocol', () => {
  const versions = Array.from({ length: PROTOCOL - OLDEST_AGENT_PROTOCOL + 1 }, (_, i) => OLDEST_AGENT_PROTOCOL + i);

  for (const version of versions) {
    describe(`${version} is served as ever:`, function () {
      this.timeout(30_000);
      const files = readdirSync(join(TRANSCRIPTS, String(version)));
      assert.ok(files.length > 0);
      for (const file of files) {
        it(file.replace('.ndjson', '').replaceAll('-', ' '), () =>
          replay(read(join(TRANSCRIPTS, String(version), file))),
        );
      }
    });
  }
});

function read(path: string): Transcript {
  const [head = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const { transcript, recordedAt } = JSON.parse(head) as { transcript: number; recordedAt: number };
  assert.equal(transcript, 1);
  return { recordedAt, lines: lines.map(line => JSON.parse(line) as Line) };
}

/** Says what the agent said, waits for all that it heard, and compares what a viewer ends up with. */
async function replay({ recordedAt, lines }: Transcript): Promise<void> {
  await using harness = await Harness.start({ now: () => recordedAt });
  const token = await harness.token('host', 'web');
  const operator = await harness.operator();
  const host = new ToldHost();
  let agent: TestAgent | undefined;
  const heard = new Set<ToAgentMessage>();

  for (const line of lines) {
    if (line.connects) {
      // a relay that still holds what the last connection brought would ask for less than it did then
      for (const runId of host.runs) await seen(operator, runId, host);
      agent?.cut();
      agent = TestAgent.open({ relay: harness.url, token });
      await agent.status();
    } else if (line.from === 'operator') {
      // under a number that this operator does not use itself
      const asked = line.text as Extract<OperatorMessage, { id: number }>;
      operator.say({ ...asked, id: asked.id + 1_000_000 });
    } else if (line.frame !== undefined) {
      const data = Buffer.from(line.frame, 'base64');
      host.tookFrame(data);
      agent?.sayRaw(data);
    } else if (line.from === 'agent') {
      host.said(agentMessageSchema.parse(line.text));
      agent?.say(line.text as AgentMessage);
    } else if (agent) {
      await hears(agent, line.text as ToAgentMessage, heard);
    }
  }
  for (const runId of host.runs) {
    await seen(operator, runId, host);
    assert.deepEqual(operator.events.get(runId) ?? [], host.events(runId));
    for (const stream of host.streams(runId)) {
      assert.equal(operator.bytes(runId, stream).toString(), host.bytes(runId, stream).toString());
    }
    const { runs } = await operator.ask({ type: 'list-runs', host: 'web', limit: 10 });
    const summary = runs?.find(run => run.runId === runId);
    assert.ok(summary);
    assert.equal(summary.seq, host.events(runId).length);
    assert.equal(summary.delivery, host.events(runId).length > 0 ? 'begun' : 'refused');
  }
  assert.deepEqual(operator.faults, []);
  assert.notEqual(host.runs.length, 0);
  assert.equal(agent?.ending, undefined, 'nobody was sent away');
}

/** What an agent told of its host. */
class ToldHost {
  readonly #events = new Map<RunId, AnyRunEvent[]>();
  readonly #frames: OutputFrame[] = [];

  get runs(): readonly RunId[] {
    return [...this.#events.keys()];
  }

  said(message: AgentMessage): void {
    if (message.type === 'request-result') this.#known(message.runId);
    if (message.type !== 'events') return;
    const events = this.#known(message.runId);
    for (const event of message.events) if (event.seq > events.length) events.push(event);
  }

  tookFrame(data: Buffer): void {
    const decoded = decodeFrame(data);
    assert.ok(decoded.ok);
    this.#known(decoded.frame.runId);
    this.#frames.push(decoded.frame);
  }

  events(runId: RunId): readonly AnyRunEvent[] {
    return this.#known(runId);
  }

  streams(runId: RunId): ReadonlySet<OutputFrame['stream']> {
    return new Set(this.#frames.flatMap(frame => (frame.runId === runId ? [frame.stream] : [])));
  }

  /** As a host that lost power counts: a newer epoch cuts back what it begins in. */
  bytes(runId: RunId, stream: OutputFrame['stream']): Buffer {
    let all = Buffer.alloc(0);
    let have = START;
    for (const { at, bytes, ...frame } of this.#frames) {
      if (frame.runId !== runId || frame.stream !== stream) continue;
      const plan = planChunk(have, at, bytes.length);
      if (plan.kind !== 'append') continue;
      all = Buffer.concat([all.subarray(0, plan.cutTo ?? all.length), bytes.subarray(plan.skip)]);
      have = plan.next;
    }
    return all;
  }

  hasEnded(runId: RunId, stream: OutputFrame['stream']): boolean {
    return this.#frames.some(frame => frame.runId === runId && frame.stream === stream && frame.end);
  }

  #known(runId: RunId): AnyRunEvent[] {
    const events = this.#events.get(runId) ?? [];
    this.#events.set(runId, events);
    return events;
  }
}

/** Resolves when a viewer has all that the host told of a run. */
async function seen(operator: TestOperator, runId: RunId, host: ToldHost): Promise<void> {
  const streams = [...host.streams(runId)];
  await until(`run ${runId}`, async () => (await operator.watch(runId, streams)).ok);
  await until(
    'all of it',
    () =>
      (operator.events.get(runId)?.length ?? 0) === host.events(runId).length &&
      streams.every(stream => {
        const { at, ended } = operator.copy(runId, stream);
        return at.offset === host.bytes(runId, stream).length && ended === host.hasEnded(runId, stream);
      }),
  );
}

/** Waits until the relay has said what it said then, or more; once for each time that it was said. */
async function hears(agent: TestAgent, wanted: ToAgentMessage, used: Set<ToAgentMessage>): Promise<void> {
  const isIt = (said: ToAgentMessage): boolean => {
    if (wanted.type === 'events-ack') {
      return said.type === 'events-ack' && said.runId === wanted.runId && said.seq >= wanted.seq;
    }
    if (wanted.type === 'welcome') return said.type === 'welcome' && said.protocol === wanted.protocol;
    return !used.has(said) && contains(said, wanted);
  };
  const found = await until(`a ${JSON.stringify(wanted)}`, () => {
    const message = agent.heard.find(isIt);
    if (!message && agent.ending) assert.fail(`closed (${agent.ending.code}) instead of a ${wanted.type}`);
    return message;
  });
  used.add(found);
}

/** Whether a message says all that another says; an old agent passes over what is new. */
function contains(said: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return said === wanted;
  if (typeof said !== 'object' || said === null) return false;
  return Object.entries(wanted).every(([key, value]) => contains((said as Record<string, unknown>)[key], value));
}
