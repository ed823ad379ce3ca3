import { createHash, randomBytes } from 'node:crypto';
import type { TokenOwner } from './backbone/backbone.ts';

/** A new token: 256 random bits behind a prefix that says what it is, for people and for scanners of leaked secrets. */
export function newToken(kind: TokenOwner['kind']): string {
  return `nixfleet_${kind}_${randomBytes(32).toString('base64url')}`;
}

/**
 * SHA-256 of a token in lower-case hex, the only form in which the relay keeps it. Tokens are looked up by it: how long
 * a comparison of hashes takes says nothing about the token.
 */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The token of an `Authorization: Bearer …` header; undefined when there is none. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1];
}
