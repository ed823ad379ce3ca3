import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { ulid } from 'ulid';
import { runIdSchema } from './ids.ts';
import { PHASES } from './phase.ts';
import {
  MAX_REQUEST_BYTES,
  parseRequest,
  requestBytes,
  requestEnvelopeSchema,
  sealRequest,
  type UpdateRequest,
} from './request.ts';

const runId = runIdSchema.parse(ulid());
const request: UpdateRequest = {
  format: 1,
  verb: 'update-agent',
  runId,
  host: 'web',
  requestedAt: 1_800_000_000_000,
  expiresAt: 1_800_000_060_000,
};

const requests: fc.Arbitrary<UpdateRequest> = fc.record(
  {
    format: fc.constant(1 as const),
    verb: fc.constant('update-agent' as const),
    runId: fc.nat(2 ** 47).map(time => runIdSchema.parse(ulid(time))),
    host: fc.constantFrom('web', 'db-1', 'x.example.org'),
    requestedAt: fc.maxSafeNat(),
    expiresAt: fc.maxSafeNat(),
    targetRev: fc.constantFrom('a'.repeat(40), '0'.repeat(64)),
    rollback: fc.constantFrom('agent' as const, 'always' as const, 'never' as const),
    deadlines: fc.dictionary(fc.constantFrom(...PHASES), fc.integer({ min: 1, max: 86_400_000 })),
  },
  { requiredKeys: ['format', 'verb', 'runId', 'host', 'requestedAt', 'expiresAt'] },
);

const bytesOf = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const refusal = (bytes: Uint8Array, id = runId) => {
  const result = parseRequest(bytes, id);
  return result.ok ? 'accepted' : result.message;
};

describe('a request', () => {
  it('arrives as it was sealed, also through JSON', () => {
    fc.assert(
      fc.property(requests, original => {
        const envelope = requestEnvelopeSchema.parse(JSON.parse(JSON.stringify(sealRequest(original))));
        const parsed = parseRequest(requestBytes(envelope), original.runId);
        assert.ok(parsed.ok, parsed.ok ? '' : parsed.message);
        // what JSON makes of an object without a prototype has one
        assert.deepEqual(parsed.request, JSON.parse(JSON.stringify(original)));
      }),
    );
  });

  it('keeps every byte of what somebody signed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: MAX_REQUEST_BYTES }), bytes => {
        const request = Buffer.from(bytes).toString('base64');
        const envelope = requestEnvelopeSchema.parse({ runId, request, keyId: 'k', signature: 'c2ln' });
        assert.deepEqual(requestBytes(envelope), bytes);
      }),
    );
  });

  it('says what is wrong with it', () => {
    assert.match(refusal(bytesOf({ ...request, verb: 'run' })), /verb/);
    assert.match(refusal(bytesOf({ ...request, path: '/etc' })), /path/);
    assert.match(refusal(bytesOf({ ...request, host: '../x' })), /host/);
    assert.match(refusal(bytesOf({ ...request, targetRev: 'main; rm -rf /' })), /targetRev/);
    assert.match(refusal(bytesOf({ ...request, deadlines: { building: 0 } })), /building/);
    assert.match(refusal(bytesOf({ ...request, deadlines: { napping: 1 } })), /deadlines/);
    assert.match(refusal(bytesOf({ ...request, format: 2 })), /format/);
    assert.match(refusal(bytesOf('{"format":1')), /not JSON/);
    assert.match(refusal(Uint8Array.of(0x22, 0xff, 0x22)), /not JSON in UTF-8/);
    assert.match(refusal(bytesOf('null')), /not valid/);
    assert.match(refusal(bytesOf(request), runIdSchema.parse(ulid())), /names run/);
    assert.match(refusal(new Uint8Array(MAX_REQUEST_BYTES + 1)), /16384 are allowed/);
    for (const key of Object.keys(request)) {
      assert.match(refusal(bytesOf({ ...request, [key]: undefined })), new RegExp(key), key);
    }
  });

  it('is never read by throwing', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => void parseRequest(bytes, runId)));
    fc.assert(fc.property(fc.json(), json => void parseRequest(bytesOf(json), runId)));
  });

  it('fits into its envelope when it is as large as it may be', () => {
    const fits = (size: number) =>
      requestEnvelopeSchema.safeParse({ runId, request: Buffer.alloc(size).toString('base64') }).success;
    assert.equal(fits(MAX_REQUEST_BYTES), true);
    assert.equal(fits(MAX_REQUEST_BYTES + 3), false);
  });

  it('comes in base64 and in nothing else', () => {
    for (const text of ['a', 'a===', 'ab cd', 'äöü=', 'YWJj\n'])
      assert.equal(requestEnvelopeSchema.safeParse({ runId, request: text }).success, false, JSON.stringify(text));
  });
});
