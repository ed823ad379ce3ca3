import type { Locale } from '../base/locale.ts';
import { lastingTrouble, type ConnectionState } from '../connection/state.ts';
import type { Configured } from '../connection/relays.ts';
import type { Trouble } from '../connection/trouble.ts';
import { outageWords } from '../connection/outage-words.ts';
import { isOutdated, type Fleet } from '../fleet/fleet.ts';
import { filterWords, isShown, NO_FILTER, type HostFilter } from './host-filter.ts';

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
  'no-match',
  'hosts',
] as const;
export type ViewKey = (typeof VIEW_KEYS)[number];

export interface ViewInput {
  readonly configured: Configured;
  readonly connection: ConnectionState;
  /** `host:port` of the relay. */
  readonly relay: string | undefined;
  readonly fleet: Fleet;
  readonly filter?: HostFilter;
  /** By the clock of the connection. */
  readonly now: number;
}

export interface ViewState {
  readonly key: ViewKey;
  /** The link is down: the rows are what was last known. */
  readonly stale: boolean;
  /** Stands above the rows: why they are old, which of them are shown. VS Code shows no welcome while there is one. */
  readonly message: string | undefined;
  /** Beside the view's title: what is filtered, and the relay. */
  readonly description: string | undefined;
  /** Hosts with an update. */
  readonly badge: number;
}

export function presentView(input: ViewInput, locale: Locale): ViewState {
  const { fleet, connection, relay, filter = NO_FILTER } = input;
  const hasHosts = fleet.hosts.size > 0;
  const key = !hasHosts ? emptyKey(input) : showsAny(fleet, filter) ? 'hosts' : 'no-match';
  const stale = hasHosts ? staleMessage(input, locale) : undefined;
  // where the view is alone in its container, VS Code has no place for a description
  const shown = key === 'hosts' && filter.size > 0 ? locale.t('Shown: {0}.', filterWords(filter, locale)) : undefined;
  const parts = connection.kind === 'signed-out' ? [] : [hasHosts ? filterWords(filter, locale) : '', relay ?? ''];
  return {
    key,
    stale: stale !== undefined,
    message: [stale, shown].filter(part => part !== undefined).join(' ') || undefined,
    description: parts.filter(part => part !== '').join(' · ') || undefined,
    badge: countOutdated(fleet),
  };
}

function showsAny(fleet: Fleet, filter: HostFilter): boolean {
  for (const host of fleet.hosts.values()) if (isShown(filter, host)) return true;
  return false;
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
