import * as z from 'zod';
import { hostNameSchema, revSchema, runIdSchema, timeSchema, type RunId } from './ids.ts';
import { phaseSchema, rollbackSchema } from './phase.ts';

/** Bytes that a request may have at the most. */
export const MAX_REQUEST_BYTES = 16 * 1024;

/**
 * What an operator asks of a host. It says what to do and until when, never how: path, owner, attribute, input and
 * method are the host's own configuration. Unknown keys are refused, so that nothing is smuggled past an old runner.
 */
export const updateRequestSchema = z.strictObject({
  format: z.literal(1),
  verb: z.literal('update-agent'),
  runId: runIdSchema,
  host: hostNameSchema,
  requestedAt: timeSchema,
  /** After this time a host that has not begun must not begin. */
  expiresAt: timeSchema,
  /** The exact revision of the nixfleet input to lock; the newest when absent. */
  targetRev: revSchema.optional(),
  rollback: rollbackSchema.optional(),
  /** Also a revision that this host has taken back before: a person said so. */
  retryAnyway: z.literal(true).optional(),
  /** Longer (or shorter) deadlines for this run, in milliseconds, at most a day each. */
  deadlines: z.partialRecord(phaseSchema, z.int().min(1).max(86_400_000)).optional(),
});
export type UpdateRequest = z.infer<typeof updateRequestSchema>;

/**
 * A request on its way: the request's bytes as the operator wrote them (base64), with room for who signed them. Nobody
 * on the way re-encodes the bytes, so that a signature over them can be checked on the host, now or later.
 */
export const requestEnvelopeSchema = z.object({
  runId: runIdSchema,
  request: z.base64().max(Math.ceil(MAX_REQUEST_BYTES / 3) * 4),
  keyId: z.string().min(1).max(128).optional(),
  signature: z.base64().max(1024).optional(),
});
export type RequestEnvelope = z.infer<typeof requestEnvelopeSchema>;

export type RequestResult =
  { readonly ok: true; readonly request: UpdateRequest } | { readonly ok: false; readonly message: string };

/** Puts a request into an envelope, unsigned. */
export function sealRequest(request: UpdateRequest): RequestEnvelope {
  const bytes = new TextEncoder().encode(JSON.stringify(request));
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { runId: request.runId, request: btoa(binary) };
}

/** The request's bytes in an envelope, verbatim. */
export function requestBytes(envelope: RequestEnvelope): Uint8Array {
  return Uint8Array.from(atob(envelope.request), character => character.charCodeAt(0));
}

/** Reads a request from its bytes. `runId` is the id it came under; a request that says another is refused. */
export function parseRequest(bytes: Uint8Array, runId: RunId): RequestResult {
  if (bytes.length > MAX_REQUEST_BYTES) {
    return { ok: false, message: `the request has ${bytes.length} bytes; ${MAX_REQUEST_BYTES} are allowed` };
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { ok: false, message: 'the request is not JSON in UTF-8' };
  }
  const parsed = updateRequestSchema.safeParse(value);
  if (!parsed.success) return { ok: false, message: `the request is not valid: ${describeIssues(parsed.error)}` };
  if (parsed.data.runId !== runId)
    return { ok: false, message: `the request names run ${parsed.data.runId}, not ${runId}` };
  return { ok: true, request: parsed.data };
}

/** One line that says what a schema did not like, for people. */
export function describeIssues(error: z.core.$ZodError): string {
  return error.issues
    .slice(0, 5)
    .map(issue => (issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ${issue.message}` : issue.message))
    .join('; ');
}
