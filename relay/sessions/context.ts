import type { Logger } from 'pino';
import type { Backbone } from '../backbone/backbone.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { Metrics } from '../metrics.ts';
import type { Retention } from '../runs/retention.ts';
import type { LinkTimings } from './link.ts';

export interface SessionTimings extends LinkTimings {
  /** Milliseconds from the connection to the hello. */
  readonly hello: number;
  /** Milliseconds that an operator waits for what a host says to a cancel. */
  readonly cancelAnswer: number;
}

export const DEFAULT_TIMINGS: SessionTimings = {
  heartbeat: 15_000,
  closing: 2_000,
  hello: 10_000,
  cancelAnswer: 10_000,
};

/** What sessions stand on. */
export interface SessionContext {
  readonly backbone: Backbone;
  readonly fleet: FleetView;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly timings: SessionTimings;
  /** Which runs are kept, and so worth taking over from a host. */
  readonly retention: Retention;
  readonly relayVersion: string;
  /** Told of the bytes of every message that an agent sends. */
  readonly onReceived?: (bytes: number) => void;
  /** The wall clock, ms since the epoch. */
  readonly now: () => number;
}

/** A connection that is served. */
export interface Session {
  /** Closes it if its token is no longer valid. */
  recheckToken(): Promise<void>;
  /** Closes it in order. */
  goodbye(): void;
  /** Resolves when the connection is gone and nothing goes on in its name. */
  readonly over: Promise<unknown>;
  /** The host that it speaks for, once it has said hello. */
  readonly host?: string | undefined;
}
