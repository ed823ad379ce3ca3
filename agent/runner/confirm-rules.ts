/** Decides whether the agent that runs is the one that must run. Pure: what is seen goes in, what it means comes out. */
import type { AgentManifest } from '../../protocol/index.ts';
import { DEFAULT_TIMINGS } from '../link/state.ts';
import { runsFrom, type AgentService } from '../platform/service-manager.ts';
import type { AgentState } from '../run-directory/agent-state.ts';
import type { Probe } from './relay-probe.ts';

/** What is seen at one moment. */
export interface Sighting {
  readonly service: AgentService;
  /** What the agent says of itself, if it does. */
  readonly state: AgentState | undefined;
  readonly bootId: string;
}

/** `healthy`: the right process runs by itself. `proven`: the relay has greeted that process, too. */
export type Health =
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'healthy' | 'proven'; readonly pid: number; readonly startTime: string };

/** @param manifest the agent that must run; undefined when any agent of that unit will do */
export function judge({ service, state, bootId }: Sighting, manifest: AgentManifest | undefined): Health {
  const { process } = service;
  if (!service.active || !process) return { kind: 'missing', why: `the agent's service is ${service.state}` };
  if (manifest && !runsFrom(process, manifest.storePath)) {
    const other = [...new Set(process.paths)].slice(0, 3).join(' ');
    return {
      kind: 'missing',
      why: `the agent that runs is not ${manifest.storePath} but ${other || 'an unknown program'}`,
    };
  }
  const { pid, startTime } = process;
  const own = state?.pid === pid && state.startTime === startTime && state.bootId === bootId ? state : undefined;
  if (!own) {
    // an agent of an older generation may not write its state: that it runs is all that can be known of it
    return manifest
      ? { kind: 'missing', why: 'the agent runs, but has not begun its work' }
      : { kind: 'healthy', pid, startTime };
  }
  if (manifest && own.identity && own.identity.storePath !== manifest.storePath)
    return { kind: 'missing', why: `the agent that runs says that it is ${own.identity.storePath}` };
  return { kind: own.helloAt === undefined ? 'healthy' : 'proven', pid, startTime };
}

/** How long the relay must have been out of reach before a healthy agent is proof enough, within a deadline (ms). */
export function relayPatience(deadline: number): number {
  return Math.min(30_000, deadline / 2);
}

/** From the moment that a relay answers again, milliseconds: an agent's longest pause between two tries, and the try itself. */
export const RECONNECT_MS = DEFAULT_TIMINGS.backoff.cap + DEFAULT_TIMINGS.connect;

/** So long past the deadline an agent is waited for at most, where only the relay is to blame, milliseconds. */
export const RELAY_GRACE_MS = 90_000;

/** What confirming knows of the time before. All times are of one monotonic clock, milliseconds. */
export interface Watch {
  /** The process that has been seen without a break, and since when it has been good enough. */
  readonly pid?: number;
  readonly startTime?: string;
  readonly goodSince?: number;
  readonly proof?: 'hello' | 'local';
  /** Since when no probe has reached the relay. */
  readonly relayLostSince?: number;
  /** Since when the relay answers again. */
  readonly relayBackSince?: number;
}

export type Verdict =
  | { readonly kind: 'wait'; readonly watch: Watch; readonly why: string }
  | { readonly kind: 'confirmed'; readonly pid: number; readonly proof: 'hello' | 'local' };

/**
 * The next look at the agent. It is confirmed when the same process has been good enough for the settling time: greeted by
 * the relay, or healthy while the relay has been out of reach for a while.
 */
export function watchOn(
  before: Watch,
  health: Health,
  probe: Probe | undefined,
  now: number,
  limits: { readonly settling: number; readonly relayPatience: number },
): Verdict {
  const relayLostSince =
    probe === undefined ? before.relayLostSince : probe.reachable ? undefined : (before.relayLostSince ?? now);
  const relayBackSince = before.relayLostSince === undefined ? before.relayBackSince : now;
  const relay =
    relayLostSince !== undefined ? { relayLostSince } : relayBackSince !== undefined ? { relayBackSince } : {};
  if (health.kind === 'missing') return { kind: 'wait', watch: relay, why: health.why };
  const { pid, startTime } = health;
  const isSame = before.pid === pid && before.startTime === startTime;
  const proof =
    health.kind === 'proven'
      ? 'hello'
      : relayLostSince !== undefined && now - relayLostSince >= limits.relayPatience
        ? 'local'
        : undefined;
  if (!proof) {
    const why =
      relayLostSince === undefined
        ? 'the agent runs, but the relay has not greeted it'
        : `the agent runs, but the relay cannot be reached${probe && !probe.reachable ? ` (${probe.why})` : ''}`;
    return { kind: 'wait', watch: { pid, startTime, ...relay }, why };
  }
  const goodSince = (isSame ? before.goodSince : undefined) ?? now;
  if (now - goodSince >= limits.settling) return { kind: 'confirmed', pid, proof };
  return {
    kind: 'wait',
    watch: { pid, startTime, goodSince, proof, ...relay },
    why: 'the agent has to stay up for a while',
  };
}

/**
 * Whether an agent that runs may lack its greeting only because of the relay: it is out of reach, or it was, and the agent
 * has not had the time to come back to it. Such an agent is not taken back, whatever the deadline says.
 */
export function mayBeTheRelay(watch: Watch, health: Health, now: number): boolean {
  if (health.kind === 'missing') return false;
  if (watch.relayLostSince !== undefined) return true;
  return watch.relayBackSince !== undefined && now - watch.relayBackSince < RECONNECT_MS;
}
