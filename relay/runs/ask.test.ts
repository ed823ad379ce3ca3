import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseRequest, requestBytes } from '../../protocol/index.ts';
import { newRunId } from '../testing/harness.ts';
import { requestFor } from '../testing/test-operator.ts';
import { decideAsk, type Ask } from './ask.ts';
import { recordFromHost } from './record.ts';

const NOW = 1_800_000_000_000;

function ask(runId = newRunId(), more = {}): Ask {
  const envelope = requestFor('web', runId, { requestedAt: NOW, expiresAt: NOW + 1000, ...more });
  const parsed = parseRequest(requestBytes(envelope), runId);
  assert.ok(parsed.ok);
  return { envelope, request: parsed.request, by: 'ana', at: NOW };
}

describe('asking for a run', () => {
  it('keeps the request as it came', () => {
    const asked = ask();
    const signed = { ...asked, envelope: { ...asked.envelope, keyId: 'k', signature: 'c2ln' } };
    const decision = decideAsk(signed, { enrolled: true, live: [] });
    assert.ok(decision.kind === 'new');
    assert.deepEqual(decision.record.envelope, signed.envelope);
    assert.equal(decision.record.summary.delivery, 'queued');
  });

  it('names the run that is in the way and where it is', () => {
    const other = { ...recordFromHost(newRunId(), 'web').summary, phase: 'building' as const };
    const decision = decideAsk(ask(), { enrolled: true, live: [other] });
    assert.ok(decision.kind === 'refused');
    assert.equal(decision.reason.kind, 'busy');
    assert.ok(decision.reason.message.includes(other.runId));
    assert.match(decision.reason.message, /building/);
  });

  it('is the same run when only the base64 is written differently', () => {
    const asked = ask();
    const first = decideAsk(asked, { enrolled: true, live: [] });
    assert.ok(first.kind === 'new');
    const { request } = asked.envelope;
    // two characters behind which the same bytes stand
    const loose = request.endsWith('==') ? `${request.slice(0, -3)}${next(request.at(-3)!)}==` : request;
    const again = decideAsk(
      { ...asked, envelope: { ...asked.envelope, request: loose } },
      { existing: first.record, enrolled: true, live: [first.record.summary] },
    );
    assert.equal(again.kind, 'same');
  });

  it('takes a run that came from its host for the one that is asked for', () => {
    const asked = ask();
    const existing = recordFromHost(asked.request.runId, 'web');
    assert.equal(decideAsk(asked, { existing, enrolled: true, live: [existing.summary] }).kind, 'same');
    const elsewhere = recordFromHost(asked.request.runId, 'db');
    assert.equal(decideAsk(asked, { existing: elsewhere, enrolled: true, live: [] }).kind, 'refused');
  });
});

/** The character behind which only bits differ that base64 does not use. */
function next(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet[alphabet.indexOf(character) ^ 1] ?? '';
}
