import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  decodeFrame,
  encodeFrame,
  FRAME_HEADER_BYTES,
  MAX_FRAME_PAYLOAD,
  writeFrameHeader,
  type OutputFrame,
} from './frame.ts';
import { runIdFromBytes } from './ids.ts';

const MAX_OFFSET = Number.MAX_SAFE_INTEGER - MAX_FRAME_PAYLOAD;

const frames: fc.Arbitrary<OutputFrame> = fc.record({
  runId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(runIdFromBytes),
  stream: fc.constantFrom('output', 'lock-before', 'lock-after'),
  at: fc.record({ epoch: fc.nat(0xffffffff), offset: fc.maxSafeNat().map(n => Math.min(n, MAX_OFFSET)) }),
  time: fc.maxSafeNat(),
  end: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

const example: OutputFrame = {
  runId: runIdFromBytes(Uint8Array.from({ length: 16 }, (_, i) => i)),
  stream: 'lock-after',
  at: { epoch: 0x01020304, offset: 0x0102030405 },
  time: 0x0a0b0c0d0e,
  end: true,
  bytes: Uint8Array.of(0xff, 0x00),
};

function decoded(data: Uint8Array): OutputFrame {
  const result = decodeFrame(data);
  assert.ok(result.ok, result.ok ? '' : result.message);
  return result.frame;
}

describe('an output frame', () => {
  it('is on the wire as the protocol says, for ever', () => {
    assert.equal(
      Buffer.from(encodeFrame(example)).toString('hex'),
      '01' +
        '03' +
        '0001' +
        '000102030405060708090a0b0c0d0e0f' +
        '01020304' +
        '0000000102030405' +
        '0000000a0b0c0d0e' +
        'ff00',
    );
  });

  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(frames, frame => {
        const { at, bytes, ...back } = decoded(encodeFrame(frame));
        const { at: sentAt, bytes: sentBytes, ...sent } = frame;
        assert.deepEqual({ ...back }, { ...sent });
        assert.deepEqual({ ...at }, { ...sentAt });
        assert.ok(Buffer.from(bytes).equals(sentBytes));
      }),
    );
  });

  it('is read where it lies in a larger buffer, without a copy', () => {
    const around = new Uint8Array(1000).fill(0xee);
    const data = encodeFrame(example);
    around.set(data, 77);
    const view = around.subarray(77, 77 + data.length);
    const back = decoded(view);
    assert.deepEqual(back.at, example.at);
    assert.equal(back.bytes.buffer, around.buffer);
    assert.equal(back.bytes.byteOffset, 77 + FRAME_HEADER_BYTES);
  });

  it('is made around bytes that lie there already', () => {
    const around = new Uint8Array(500);
    const target = around.subarray(100, 100 + FRAME_HEADER_BYTES + 2);
    target.set(example.bytes, FRAME_HEADER_BYTES);
    writeFrameHeader(target, example);
    assert.deepEqual(Buffer.from(target), Buffer.from(encodeFrame(example)));
    assert.ok(around.subarray(0, 100).every(byte => byte === 0));
  });

  it('holds 64 KiB and not a byte more', () => {
    const full = { ...example, bytes: new Uint8Array(MAX_FRAME_PAYLOAD) };
    assert.equal(decoded(encodeFrame(full)).bytes.length, MAX_FRAME_PAYLOAD);
    assert.throws(() => encodeFrame({ ...example, bytes: new Uint8Array(MAX_FRAME_PAYLOAD + 1) }), RangeError);
    assert.throws(() => writeFrameHeader(new Uint8Array(FRAME_HEADER_BYTES - 1), example), RangeError);
    const tooLong = Buffer.concat([encodeFrame(full), Buffer.alloc(1)]);
    assert.equal(decodeFrame(tooLong).ok, false);
  });

  it('says no number that it cannot', () => {
    const wrong: Partial<OutputFrame>[] = [
      { at: { epoch: 2 ** 32, offset: 0 } },
      { at: { epoch: -1, offset: 0 } },
      { at: { epoch: 0.5, offset: 0 } },
      { at: { epoch: 0, offset: -1 } },
      { at: { epoch: 0, offset: 2 ** 53 } },
      { at: { epoch: NaN, offset: 0 } },
      { time: -1 },
      { time: 1.5 },
      { time: Infinity },
    ];
    for (const part of wrong)
      assert.throws(() => encodeFrame({ ...example, ...part }), RangeError, JSON.stringify(part));
  });

  it('with flags of the future is read all the same', () => {
    const data = encodeFrame({ ...example, end: false });
    data[2] = 0x80;
    data[3] = 0x02;
    assert.equal(decoded(data).end, false);
    data[3] = 0x03;
    assert.equal(decoded(data).end, true);
  });

  it('of another version or kind, or with numbers beyond 2^53, is refused with a reason', () => {
    const broken = (index: number, value: number) => {
      const data = encodeFrame(example);
      data[index] = value;
      const result = decodeFrame(data);
      return result.ok ? 'read' : result.message;
    };
    assert.match(broken(0, 2), /version 2/);
    assert.match(broken(0, 0), /version 0/);
    assert.match(broken(1, 0), /kind 0/);
    assert.match(broken(1, 4), /kind 4/);
    assert.match(broken(24, 0xff), /too large/);
    assert.match(broken(32, 0x80), /too large/);
  });

  it('is never read from noise by throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), noise => {
        const result = decodeFrame(noise);
        if (noise.length < FRAME_HEADER_BYTES) assert.equal(result.ok, false);
        if (result.ok) assert.equal(result.frame.bytes.length, noise.length - FRAME_HEADER_BYTES);
      }),
    );
  });
});
