/** What an administrator does to a relay, whether it is being served or not. */
import { hostNameSchema } from '../protocol/index.ts';
import type { Backbone, TokenOwner } from './backbone/backbone.ts';
import { hashToken, newToken } from './tokens.ts';

/** Something was asked for that cannot be done; the message says why and what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
}

export interface EnrollOptions {
  /** Who does it, for the audit log. */
  readonly who: string;
  /** Give a new token to somebody who has one, and end the old one. */
  readonly replace?: boolean;
  readonly now?: () => number;
}

/**
 * Enrols a host or an operator.
 * @returns the token, which nobody can find out again
 * @throws AdminError for a name that is not one, or that has a token already
 */
export async function enroll(
  backbone: Backbone,
  owner: TokenOwner,
  { who, replace = false, now = Date.now }: EnrollOptions,
): Promise<string> {
  if (!hostNameSchema.safeParse(owner.name).success) {
    throw new AdminError(
      `${JSON.stringify(owner.name)} is not a name: 1 to 128 letters, digits, dots, dashes and underscores, with a letter or digit at both ends`,
    );
  }
  if (!replace && (await backbone.hasToken(owner))) {
    throw new AdminError(`${owner.name} has a token already; --replace makes a new one and ends the old one`);
  }
  const token = newToken(owner.kind);
  const at = now();
  const action = owner.kind === 'host' ? 'enroll' : 'operator';
  await Promise.all([
    owner.kind === 'host'
      ? backbone.enrollHost(owner.name, hashToken(token), at)
      : backbone.addOperator(owner.name, hashToken(token), at),
    backbone.audit({ at, who, action, subject: owner.name }),
  ]);
  return token;
}

/**
 * Ends the token of a host or operator. Who is connected with it is disconnected.
 * @throws AdminError when there is none
 */
export async function revoke(backbone: Backbone, owner: TokenOwner, who: string, now = Date.now): Promise<void> {
  const at = now();
  if (!(await backbone.revoke(owner, who, at))) throw new AdminError(`there is no ${owner.kind} ${owner.name}`);
  await backbone.audit({ at, who, action: 'revoke', subject: `${owner.kind} ${owner.name}` });
}
