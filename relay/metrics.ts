import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { isOver, type FleetHost } from '../protocol/index.ts';

const PREFIX = 'nixfleet_relay_';

/** What `GET /metrics` tells; README.md says what each means. No name of a host is in it. */
export class Metrics {
  readonly registry = new Registry();
  readonly connections = this.#gauge('connections', 'Open connections.', ['kind']);
  readonly authFailures = this.#counter('auth_failures_total', 'Connections refused before the WebSocket.', ['reason']);
  readonly closes = this.#counter('closes_total', 'Connections closed, by WebSocket close code.', ['kind', 'code']);
  readonly framesReceived = this.#counter('frames_received_total', 'Output frames from agents.', ['result']);
  readonly bytesReceived = this.#counter('received_bytes_total', 'Bytes of messages received.', ['kind']);
  readonly bytesSent = this.#counter('sent_bytes_total', 'Bytes of messages sent.', ['kind']);
  readonly framesSent = this.#counter('frames_sent_total', 'Output frames to operators, live or read from disk.', [
    'from',
  ]);
  readonly eventsReceived = this.#counter('events_received_total', 'Run events from agents.', []);
  readonly storeErrors = this.#counter('store_errors_total', 'Failures of database or disk.', []);
  readonly health = new Histogram({
    name: `${PREFIX}store_check_seconds`,
    help: 'How long a durable write took when health was asked for.',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [this.registry],
  });

  constructor(version: string) {
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('info', 'Always 1; the label says which relay runs.', ['version']).set({ version }, 1);
  }

  /** @param hosts the fleet at the moment of a scrape */
  showFleet(hosts: () => Iterable<FleetHost>): void {
    new Gauge({
      name: `${PREFIX}hosts`,
      help: 'Enrolled hosts.',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        let online = 0;
        let offline = 0;
        for (const host of hosts())
          if (host.online) online++;
          else offline++;
        this.set({ state: 'online' }, online);
        this.set({ state: 'offline' }, offline);
      },
    });
    new Gauge({
      name: `${PREFIX}live_runs`,
      help: 'Runs that are not over, by where they are.',
      labelNames: ['phase'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const host of hosts()) {
          for (const run of host.runs) if (!isOver(run)) this.inc({ phase: run.phase });
        }
      },
    });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[]): Gauge<T> {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }
}
