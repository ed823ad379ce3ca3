import { createHash } from 'node:crypto';
import {
  encodeFrame,
  rolloutIdSchema,
  runIdSchema,
  START,
  type AnyRunEvent,
  type OutputFrame,
  type Position,
  type RunId,
  type StreamName,
} from '../../protocol/index.ts';
import type { Backbone } from '../backbone/backbone.ts';
import { readRequests } from '../rollouts/record.ts';
import { AGENT } from './test-agent.ts';
import { requestFor, rolloutFor } from './test-operator.ts';

const AT = 1_800_000_000_000;
const TOKENS = { web: 'a'.repeat(64), gone: 'b'.repeat(64), ana: 'c'.repeat(64) };

/** Runs of `fillStore`. */
export const RUNS = {
  /** Ended; its host lost power on the way. */
  ended: runIdSchema.parse('01K0000000000000000000000A'),
  /** Its host is at work. */
  live: runIdSchema.parse('01K0000000000000000000000B'),
  /** Of a host that was revoked. */
  gone: runIdSchema.parse('01K0000000000000000000000C'),
};

/** Puts something of everything into a store: hosts, operators, runs in several states, output, a cut, an audit entry. */
export async function fillStore(backbone: Backbone): Promise<void> {
  await backbone.enrollHost('web', TOKENS.web, AT);
  await backbone.enrollHost('gone', TOKENS.gone, AT);
  await backbone.addOperator('ana', TOKENS.ana, AT + 1);
  const claim = { host: 'web', session: 'one', agent: AGENT, at: AT + 2, onCommand: () => undefined };
  await backbone.claimHost(claim);
  await backbone.putStatus('web', { at: AT + 3, problems: ['the checkout is dirty: ünïcode'] }, AT + 4);
  for (const [runId, host] of [
    [RUNS.ended, 'web'],
    [RUNS.live, 'web'],
    [RUNS.gone, 'gone'],
  ] as const) {
    await backbone.adoptRun(runId, host);
    await backbone.appendEvents(runId, [event(1, { type: 'phase', phase: 'building' })]);
    await append(backbone, runId, 'output', START, `building ${host}\n`);
  }
  await append(backbone, RUNS.ended, 'output', { epoch: 1, offset: 9 }, 'again\n', true);
  await append(backbone, RUNS.ended, 'lock-before', START, '{"nodes":1}', true);
  await append(backbone, RUNS.ended, 'lock-after', START, '{"nodes":2}', true);
  const end = { type: 'ended', outcome: 'succeeded', changed: true, after: {} };
  for (const runId of [RUNS.ended, RUNS.gone]) await backbone.appendEvents(runId, [event(2, end)]);
  await fillRollout(backbone);
  await backbone.audit({ at: AT + 5, who: 'command line', action: 'enroll', subject: 'web' });
  await backbone.revoke({ kind: 'host', name: 'gone' }, 'command line', AT + 6);
  await backbone.releaseHost('web', 'one', AT + 7);
}

/** A rollout of which one host has its turn and one waits. */
async function fillRollout(backbone: Backbone): Promise<void> {
  const hosts = ['next-1', 'next-2'];
  const requests = hosts.map((host, index) => {
    const runId = runIdSchema.parse(`01K0000000000000000000000${'DE'.charAt(index)}`);
    return requestFor(host, runId, { requestedAt: AT, expiresAt: AT + 86_400_000 });
  });
  for (const host of hosts) await backbone.enrollHost(host, createHash('sha256').update(host).digest('hex'), AT);
  const rolloutId = rolloutIdSchema.parse('01K0000000000000000000000R');
  const ask = rolloutFor(hosts, { rolloutId, requests });
  const read = readRequests(ask);
  if (!read.ok) throw new Error(read.message);
  await backbone.askRollout({ ask, requests: read.requests, by: 'ana', at: AT });
  await backbone.claimHost({ host: 'next-1', session: 'two', agent: AGENT, at: AT, onCommand: () => undefined });
  await backbone.advanceRollout(rolloutId, AT);
  await backbone.releaseHost('next-1', 'two', AT);
}

/** Everything that a store holds, as JSON can say it. */
export async function contentOf(backbone: Backbone): Promise<unknown> {
  const runs = [];
  for (const { runId } of await backbone.runs({ limit: 1000 })) {
    const record = await backbone.run(runId);
    const events = await backbone.readEvents(runId, 0, 1e6);
    const streams = await backbone.streams(runId);
    const bytes: Record<string, string> = {};
    for (const name of Object.keys(streams) as StreamName[]) bytes[name] = await textOf(backbone, runId, name);
    runs.push({ record, events: events.map(({ json }) => JSON.parse(json) as unknown), streams, bytes });
  }
  const owners: Record<string, unknown> = {};
  for (const hash of Object.values(TOKENS)) owners[hash] = (await backbone.tokenOwner(hash)) ?? 'nobody';
  const rollouts = await backbone.rollouts();
  const content = {
    ...{ hosts: await backbone.hosts(), owners, runs, audit: await backbone.readAudit(100) },
    ...(rollouts.length > 0 && { rollouts }),
  };
  return JSON.parse(JSON.stringify(content));
}

/** All bytes of a stream, read as a viewer's feed reads them. */
export async function textOf(backbone: Backbone, runId: RunId, stream: StreamName = 'output'): Promise<string> {
  const parts: Uint8Array[] = [];
  for (let at = START; ;) {
    const read = await backbone.readFrame(runId, stream, at);
    if (read.kind !== 'frame') return Buffer.concat(parts).toString();
    parts.push(read.data.subarray(40));
    at = read.next;
  }
}

function event(seq: number, fields: { type: string } & Record<string, unknown>): AnyRunEvent {
  return { v: 1, seq, at: AT + seq, ...fields };
}

async function append(
  backbone: Backbone,
  runId: RunId,
  stream: StreamName,
  at: Position,
  text: string,
  end = false,
): Promise<void> {
  const frame: OutputFrame = { runId, stream, at, time: AT + at.offset, end, bytes: Buffer.from(text) };
  await backbone.appendFrame(frame, encodeFrame(frame));
}
