import { CloseCode } from '../../protocol/index.ts';
import { OTHER_CERTIFICATE } from './pinned-connection.ts';

/** Why there is no link to the relay. Values, so that the state machine decides and the views say it in words. */
export type Trouble =
  | { readonly kind: 'name-not-found'; readonly host: string }
  | { readonly kind: 'connection-refused' }
  /** The network says that there is no way there. */
  | { readonly kind: 'unreachable'; readonly code: string }
  /** Nobody answered in time: to the connection, or (`welcome`) to the hello. */
  | { readonly kind: 'timeout'; readonly what: 'connect' | 'welcome' }
  | { readonly kind: 'certificate'; readonly code: string; readonly detail: string }
  /** The other end does not speak TLS. */
  | { readonly kind: 'no-tls' }
  | { readonly kind: 'token-rejected' }
  | { readonly kind: 'token-revoked' }
  /** The relay no longer serves this extension. */
  | { readonly kind: 'too-old'; readonly detail?: string }
  /** This extension no longer gets on with a relay that old. */
  | { readonly kind: 'relay-too-old'; readonly version: string }
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** Something answers there, but it is not a relay of ours. */
  | { readonly kind: 'not-a-relay'; readonly detail: string }
  /** A proxy answers for a relay that is away. */
  | { readonly kind: 'unavailable'; readonly status: number }
  | { readonly kind: 'going-down' }
  | { readonly kind: 'lost'; readonly code: number }
  | { readonly kind: 'too-slow' }
  /** A half-open link: no sign of life for so many milliseconds. */
  | { readonly kind: 'silent'; readonly ms: number }
  | { readonly kind: 'failed'; readonly detail: string };

/** What the same attempt would meet again: it waits for a person (`never`), is tried now and then (`slow`), or soon. */
export function retryOf(trouble: Trouble): 'never' | 'slow' | 'soon' {
  switch (trouble.kind) {
    case 'token-rejected':
    case 'token-revoked':
    case 'forbidden':
      return 'never';
    // a relay that was upgraded may be taken back
    case 'too-old':
    case 'relay-too-old':
    case 'certificate':
    case 'no-tls':
    case 'not-a-relay':
      return 'slow';
    default:
      return 'soon';
  }
}

const CERTIFICATE_CODES =
  /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$|ERROR_IN_CERT_)/;

/** What an error of connecting means. */
export function troubleOfError(error: Error, host: string): Trouble {
  const cause = error instanceof AggregateError ? (error.errors as Error[])[0] : undefined;
  const code = codeOf(error) ?? (cause && codeOf(cause)) ?? '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA') return { kind: 'name-not-found', host };
  if (code === 'ECONNREFUSED') return { kind: 'connection-refused' };
  if (['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL', 'EACCES'].includes(code))
    return { kind: 'unreachable', code };
  if (code === 'ETIMEDOUT' || /handshake has timed out/.test(error.message))
    return { kind: 'timeout', what: 'connect' };
  if (CERTIFICATE_CODES.test(code) || code === OTHER_CERTIFICATE)
    return { kind: 'certificate', code, detail: error.message };
  if (/wrong version number|packet length too long|http request/i.test(error.message)) return { kind: 'no-tls' };
  if (code === 'ECONNRESET' || code === 'EPIPE') return { kind: 'lost', code: 1006 };
  if (code.startsWith('HPE_') || /^(?:Invalid|Missing) .*header|^Server sent/.test(error.message))
    return { kind: 'not-a-relay', detail: error.message };
  return { kind: 'failed', detail: code ? `${error.message} (${code})` : error.message };
}

/** What it means that the upgrade was answered with an HTTP status. */
export function troubleOfStatus(status: number): Trouble {
  if (status === 401) return { kind: 'token-rejected' };
  if (status === 403) return { kind: 'forbidden', detail: `HTTP ${status}` };
  if ([429, 502, 503, 504].includes(status)) return { kind: 'unavailable', status };
  return { kind: 'not-a-relay', detail: `HTTP ${status}` };
}

/** What it means that an open connection was closed. `detail` is what the relay said before, if it did. */
export function troubleOfClose(code: number, detail?: string): Trouble {
  switch (code) {
    case CloseCode.revoked:
      return { kind: 'token-revoked' };
    case CloseCode.forbidden:
      return { kind: 'forbidden', detail: detail ?? `close ${code}` };
    case CloseCode.protocolTooOld:
      return { kind: 'too-old', ...(detail !== undefined && { detail }) };
    case CloseCode.tooSlow:
      return { kind: 'too-slow' };
    case CloseCode.handshakeTimeout:
      return { kind: 'timeout', what: 'welcome' };
    case CloseCode.badMessage:
      return { kind: 'failed', detail: detail ?? 'the relay did not understand this extension' };
    case CloseCode.normal:
    case 1001:
    case 1012:
      return { kind: 'going-down' };
    default:
      return { kind: 'lost', code };
  }
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
