import type { Locale } from '../base/locale.ts';
import { lastingTrouble, type ConnectionState } from '../connection/state.ts';
import type { Configured } from '../connection/relays.ts';
import type { Trouble } from '../connection/trouble.ts';
import { outageWords } from '../connection/outage-words.ts';
import { isOutdated, type Fleet } from '../fleet/fleet.ts';

/**
 * Which welcome stands in the view when there is no row. In package.json each of them has its entry, except `hosts` and
 * `starting`, in which nothing is to be said.
 */
export const VIEW_KEYS = [
  'starting',
  'not-configured',
  'signed-out',
  'connecting',
  'token-rejected',
  'token-revoked',
  'too-old',
  'relay-too-old',
  'certificate',
  'forbidden',
  'not-a-relay',
  'name-not-found',
  'connection-refused',
  'unreachable',
  'no-hosts',
  'hosts',
] as const;
export type ViewKey = (typeof VIEW_KEYS)[number];

export interface ViewInput {
  readonly configured: Configured;
  readonly connection: ConnectionState;
  /** `host:port` of the relay. */
  readonly relay: string | undefined;
  readonly fleet: Fleet;
  /** By the clock of the connection. */
  readonly now: number;
}

export interface ViewState {
  readonly key: ViewKey;
  /** Stands above the rows, which are then what was last known. VS Code shows no welcome while there is one. */
  readonly message: string | undefined;
  /** Beside the view's title. */
  readonly description: string | undefined;
  /** Hosts with an update. */
  readonly badge: number;
}

export function presentView(input: ViewInput, locale: Locale): ViewState {
  const { fleet, connection } = input;
  const key = fleet.hosts.size > 0 ? 'hosts' : emptyKey(input);
  return {
    key,
    message: key === 'hosts' ? staleMessage(input, locale) : undefined,
    description: connection.kind === 'signed-out' ? undefined : input.relay,
    badge: countOutdated(fleet),
  };
}

export function countOutdated(fleet: Fleet): number {
  let count = 0;
  for (const host of fleet.hosts.values()) if (isOutdated(host)) count += 1;
  return count;
}

function emptyKey({ configured, connection, fleet, now }: ViewInput): ViewKey {
  if (configured === 'unknown') return 'starting';
  if (configured === 'nothing') return 'not-configured';
  if (connection.kind === 'signed-out') return configured === 'relay' ? 'signed-out' : 'connecting';
  const trouble = lastingTrouble(connection, now);
  if (trouble) return troubleKey(trouble);
  return connection.kind === 'online' && !fleet.stale ? 'no-hosts' : 'connecting';
}

function troubleKey(trouble: Trouble): ViewKey {
  switch (trouble.kind) {
    case 'token-rejected':
    case 'token-revoked':
    case 'too-old':
    case 'relay-too-old':
    case 'certificate':
    case 'forbidden':
    case 'not-a-relay':
    case 'name-not-found':
    case 'connection-refused':
      return trouble.kind;
    case 'no-tls':
      return 'certificate';
    default:
      return 'unreachable';
  }
}

/** Why the rows may be old, and how old. */
function staleMessage({ connection, relay, now, fleet }: ViewInput, locale: Locale): string | undefined {
  const outage = fleet.stale ? outageWords(connection, relay ?? '', now, locale) : undefined;
  if (!outage) return undefined;
  const { what, when, since } = outage;
  const kept =
    since === undefined
      ? locale.t('Hosts are shown as they were last known.')
      : locale.t('Hosts are shown as they were last known, {0} ago.', since);
  return [what, when, kept].filter(part => part !== undefined).join(' ');
}
