import * as z from 'zod';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 128 bits, 48 of milliseconds since the epoch and 80 random. `what` it is the id of stands in the error. */
export function ulidSchema(what: string): z.ZodString {
  return z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, `${what} is a ULID of 26 upper-case characters`);
}

/** A run's id: a ULID, made on the operator's side. */
export const runIdSchema = ulidSchema('a run id').brand('RunId');
export type RunId = z.infer<typeof runIdSchema>;

/** The name a host was enrolled under. Safe in file names, unit names and terminals. */
export const hostNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/,
    'a host name has 1 to 128 letters, digits, dots, dashes and underscores, and begins and ends with a letter or digit',
  );

/** A git revision in full: SHA-1 or SHA-256, lower-case hex. */
export const revSchema = z
  .string()
  .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'a revision is 40 or 64 lower-case hex digits');

/** Milliseconds since the Unix epoch, by the clock of whoever wrote it. */
export const timeSchema = z.int().nonnegative();

/** The 16 bytes of a run id, as they stand in an output frame. */
export function runIdToBytes(id: RunId): Uint8Array {
  let value = 0n;
  for (const character of id) value = (value << 5n) | BigInt(CROCKFORD.indexOf(character));
  const bytes = new Uint8Array(16);
  for (let i = 15; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}

/** The run id that 16 bytes stand for. Throws RangeError for any other length. */
export function runIdFromBytes(bytes: Uint8Array): RunId {
  if (bytes.length !== 16) throw new RangeError(`a run id has 16 bytes, not ${bytes.length}`);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD.charAt(Number(value & 31n)) + text;
    value >>= 5n;
  }
  return text as RunId;
}
