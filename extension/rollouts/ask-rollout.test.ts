import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseRequest, requestBytes, type UpdateRequest } from '../../protocol/index.ts';
import type { AskBody, CallResult } from '../connection/calls.ts';
import { HOUR, NEW_REV, NOW } from '../fleet/samples.ts';
import { rolloutFor, Rollouts } from './ask-rollout.ts';

const requestsOf = ({ requests }: ReturnType<typeof rolloutFor>): UpdateRequest[] =>
  requests.map(envelope => {
    const parsed = parseRequest(requestBytes(envelope), envelope.runId);
    assert.ok(parsed.ok);
    return parsed.request;
  });

describe('asking for a rollout', () => {
  it('makes a request for each host, in their order, to one revision', () => {
    const ask = rolloutFor(['b', 'a'], { targetRev: NEW_REV }, NOW);
    const requests = requestsOf(ask);
    assert.deepEqual(
      requests.map(({ host, targetRev }) => [host, targetRev]),
      [
        ['b', NEW_REV],
        ['a', NEW_REV],
      ],
    );
    assert.equal(new Set(requests.map(({ runId }) => runId)).size, 2);
    assert.deepEqual([ask.width, ask.stagger, ask.stopAfterFailures], [5, 2000, 3]);
  });

  it('leaves the last one a day after all who may be before it have built', () => {
    const expiry = (hosts: number) => requestsOf(rolloutFor(Array<string>(hosts).fill('a'), {}, NOW))[0]?.expiresAt;
    assert.equal(expiry(5), NOW + 25 * HOUR);
    assert.equal(expiry(12), NOW + 27 * HOUR);
  });

  it('says who is not part of it, and why there is none', async () => {
    const reason = { kind: 'busy', message: 'It is busy.' };
    const asked: AskBody[] = [];
    let result: CallResult = { ok: true, reply: { type: 'reply', id: 1, ok: true, refused: [{ host: 'a', reason }] } };
    const insist = (body: AskBody) => {
      asked.push(body);
      return Promise.resolve(result);
    };
    const rollouts = new Rollouts({ insist }, { now: () => NOW + 0.5 });
    const answer = await rollouts.ask(['a', 'b'], {});
    assert.ok(answer.ok);
    assert.deepEqual(answer.refused, [{ host: 'a', reason }]);
    assert.ok(asked[0]?.type === 'start-rollout' && asked[0].rolloutId === answer.rolloutId);
    result = { ok: false, reason };
    assert.deepEqual(await rollouts.ask(['a', 'b'], {}), { ok: false, reason });
  });
});
