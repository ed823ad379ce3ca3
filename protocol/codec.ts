import type * as z from 'zod';
import { describeIssues } from './request.ts';

/** Bytes of one text message, or of one binary frame with its header, at the most. The `maxPayload` of every socket. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

export type DecodeResult<T> =
  | { readonly ok: true; readonly message: T }
  /** `unknown-type` is harmless from a newer peer and to be logged; from any other it is a fault like the rest. */
  | { readonly ok: false; readonly kind: 'json' | 'shape' | 'unknown-type'; readonly detail: string };

/** A discriminated union of message schemas, discriminated by `type`. */
type MessageSchema = z.ZodDiscriminatedUnion<readonly z.ZodObject[], 'type'>;

/** Reads a text message of a union. Never throws. */
export function decodeMessage<S extends MessageSchema>(schema: S, text: string): DecodeResult<z.infer<S>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, kind: 'json', detail: 'the message is not JSON' };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type === 'string' && !messageTypes(schema).has(type)) {
    return {
      ok: false,
      kind: 'unknown-type',
      detail: `message type ${JSON.stringify(type.slice(0, 64))} is not known`,
    };
  }
  return { ok: false, kind: 'shape', detail: describeIssues(parsed.error) };
}

const typesOf = new WeakMap<MessageSchema, ReadonlySet<string>>();

function messageTypes(schema: MessageSchema): ReadonlySet<string> {
  let types = typesOf.get(schema);
  if (!types) {
    types = new Set(schema.options.flatMap(option => [...(option.shape['type'] as z.ZodLiteral<string>).values]));
    typesOf.set(schema, types);
  }
  return types;
}
