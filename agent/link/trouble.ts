import { CloseCode } from '../../protocol/index.ts';

/** Why there is no link. */
export type Trouble =
  /** Nothing was tried: token, certificate or configuration are not fit for it. */
  | { readonly kind: 'unfit'; readonly message: string; readonly advice: string }
  /** The relay answered the handshake with another status than 101. */
  | { readonly kind: 'rejected'; readonly status: number }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string };

/** What a trouble means: how long to stay away, and what to tell a person. */
export interface Judgement {
  readonly wait: 'backoff' | 'long' | 'rare';
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly retryOnChange: boolean;
}

const NEW_TOKEN =
  'enrol this host again (nixfleet-relay enroll HOST) and put the new token into the token file, which is noticed at once';

export function judge(trouble: Trouble): Judgement {
  switch (trouble.kind) {
    case 'unfit':
      return {
        wait: 'backoff',
        level: 'warn',
        message: `not connected: ${trouble.message}. ${trouble.advice.replace(/\.$/, '')}`,
        retryOnChange: true,
      };
    case 'unreachable':
      return {
        wait: 'backoff',
        level: 'warn',
        message: `no link to the relay: ${trouble.message}`,
        retryOnChange: true,
      };
    case 'rejected':
      return trouble.status === 401 || trouble.status === 403
        ? {
            wait: 'rare',
            level: 'error',
            message: `the relay rejected this host's token (HTTP ${trouble.status}): ${NEW_TOKEN}`,
            retryOnChange: true,
          }
        : {
            wait: 'backoff',
            level: 'warn',
            message: `the relay answered with HTTP ${trouble.status} instead of a WebSocket; does relayUrl name a relay?`,
            retryOnChange: true,
          };
    case 'closed':
      return judgeClose(trouble.code, trouble.reason);
  }
}

function judgeClose(code: number, reason: string): Judgement {
  const said = reason === '' ? '' : ` (${reason})`;
  switch (code) {
    case CloseCode.normal:
      return { wait: 'backoff', level: 'info', message: `the relay went down in order${said}`, retryOnChange: true };
    case CloseCode.revoked:
      return {
        wait: 'rare',
        level: 'error',
        message: `the relay revoked this host's token${said}: ${NEW_TOKEN}`,
        retryOnChange: true,
      };
    case CloseCode.forbidden:
      return {
        wait: 'rare',
        level: 'error',
        message: `the relay says that this agent spoke for a host or a run that is not its own${said}: is \`host\` in the configuration the name under which it was enrolled?`,
        retryOnChange: true,
      };
    case CloseCode.protocolTooOld:
      return {
        wait: 'rare',
        level: 'error',
        message: `the relay no longer serves this agent's protocol${said}: rebuild this host with a newer nixfleet input`,
        retryOnChange: false,
      };
    case CloseCode.replaced:
      return {
        wait: 'long',
        level: 'error',
        message: `another agent connected with this host's token${said}: does a second machine use it?`,
        retryOnChange: true,
      };
    case CloseCode.badMessage:
      return {
        wait: 'long',
        level: 'error',
        message: `relay and agent did not understand each other${said}: one of them needs a newer version`,
        retryOnChange: false,
      };
    case CloseCode.tooSlow:
      return { wait: 'backoff', level: 'info', message: `the relay closed a slow link${said}`, retryOnChange: true };
    default:
      return {
        wait: 'backoff',
        level: 'warn',
        message: `the link to the relay was lost (close code ${code})${said}`,
        retryOnChange: true,
      };
  }
}

/** A duration for people. */
export function inWords(milliseconds: number): string {
  if (milliseconds >= 90_000) return `${Math.round(milliseconds / 60_000)} min`;
  return milliseconds >= 9500 ? `${Math.round(milliseconds / 1000)} s` : `${(milliseconds / 1000).toFixed(1)} s`;
}
