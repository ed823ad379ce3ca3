import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseRequest, requestBytes, runIdSchema, type RequestEnvelope } from '../../protocol/index.ts';
import type { AskBody, CallResult } from '../connection/calls.ts';
import { NEW_REV, NOW } from '../fleet/samples.ts';
import { Updates } from './updates.ts';

function setUp(result?: CallResult): { updates: Updates; said: AskBody[] } {
  const said: AskBody[] = [];
  const insist = (body: AskBody): Promise<CallResult> => {
    said.push(body);
    return Promise.resolve(result ?? { ok: true, reply: { type: 'reply', id: 1, ok: true } });
  };
  return { updates: new Updates({ ask: insist, insist }, { now: () => NOW + 0.5 }), said };
}

describe('asking for an update', () => {
  it('makes a request that the host will accept', async () => {
    const { updates, said } = setUp();
    const asked = await updates.ask('web', { targetRev: NEW_REV });
    assert.ok(asked.ok);
    const [message] = said;
    assert.equal(message?.type, 'update-agent');
    const envelope = message as unknown as RequestEnvelope;
    assert.equal(envelope.runId, asked.runId);
    const parsed = parseRequest(requestBytes(envelope), asked.runId);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.message);
    assert.equal(parsed.request.host, 'web');
    assert.equal(parsed.request.targetRev, NEW_REV);
    assert.equal(parsed.request.requestedAt, NOW, 'by the relay’s clock');
    assert.equal(parsed.request.expiresAt, NOW + 24 * 3_600_000);
  });

  it('says that a revision is to be tried which was taken back before', async () => {
    const { updates, said } = setUp();
    const asked = await updates.ask('web', { targetRev: NEW_REV, retryAnyway: true });
    assert.ok(asked.ok);
    const parsed = parseRequest(requestBytes(said[0] as unknown as RequestEnvelope), asked.runId);
    assert.equal(parsed.ok && parsed.request.retryAnyway, true);
  });

  it('names no revision where none was resolved', async () => {
    const { updates, said } = setUp();
    const asked = await updates.ask('web');
    assert.ok(asked.ok);
    const parsed = parseRequest(requestBytes(said[0] as unknown as RequestEnvelope), asked.runId);
    assert.ok(parsed.ok && !('targetRev' in parsed.request));
  });

  it('is another run every time', async () => {
    const { updates } = setUp();
    const ids = await Promise.all(Array.from({ length: 20 }, () => updates.ask('web')));
    assert.equal(new Set(ids.map(asked => asked.ok && runIdSchema.parse(asked.runId))).size, 20);
  });

  it('says why the relay did not take it', async () => {
    const { updates } = setUp({ ok: false, reason: { kind: 'busy', message: 'web has a run already.' } });
    assert.deepEqual(await updates.ask('web'), {
      ok: false,
      host: 'web',
      reason: { kind: 'busy', message: 'web has a run already.' },
    });
  });
});
