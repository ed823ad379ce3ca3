/**
 * Which hosts the view shows. A filter is a choice of states; a host may be in several of them, and is shown when it is in
 * one that was chosen.
 */
import type { FleetHost } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { isOutdated, liveRun } from '../fleet/fleet.ts';
import { situationOf } from './situation.ts';

/** In the order in which they are offered. */
export const HOST_STATES = ['attention', 'outdated', 'updating', 'quiet', 'offline', 'never-connected'] as const;
export type HostState = (typeof HOST_STATES)[number];

/** None chosen: every host is shown. */
export type HostFilter = ReadonlySet<HostState>;

export const NO_FILTER: HostFilter = new Set();

export function isIn(state: HostState, host: FleetHost): boolean {
  switch (state) {
    case 'attention':
      return situationOf(host).kind === 'failed' || (host.online && (host.status?.problems.length ?? 0) > 0);
    case 'outdated':
      return isOutdated(host) === true;
    case 'updating':
      return liveRun(host) !== undefined;
    case 'quiet':
      return situationOf(host).kind === 'idle';
    case 'offline':
      return host.agent !== undefined && !host.online;
    case 'never-connected':
      return host.agent === undefined;
  }
}

export function isShown(filter: HostFilter, host: FleetHost): boolean {
  if (filter.size === 0) return true;
  for (const state of filter) if (isIn(state, host)) return true;
  return false;
}

/** Whether rows of configurations without a host are shown. */
export function showsNotEnrolled(filter: HostFilter): boolean {
  return filter.size === 0 || filter.has('never-connected');
}

export function stateWords(state: HostState, { t }: Locale): string {
  switch (state) {
    case 'attention':
      return t('Needs attention');
    case 'outdated':
      return t('Update available');
    case 'updating':
      return t('Updating');
    case 'quiet':
      return t('Online, nothing to do');
    case 'offline':
      return t('Offline');
    case 'never-connected':
      return t('Never connected');
  }
}

/** What is chosen, in words; empty when everything is shown. */
export function filterWords(filter: HostFilter, locale: Locale): string {
  return HOST_STATES.filter(state => filter.has(state))
    .map(state => stateWords(state, locale))
    .join(', ');
}

/** A filter that was remembered; what is no state of this version is left out. */
export function parseFilter(stored: unknown): HostFilter {
  return Array.isArray(stored) ? new Set(HOST_STATES.filter(state => stored.includes(state))) : NO_FILTER;
}
