/**
 * The relay: the one process that everybody connects to. Agents and operators come in through a door that checks their
 * tokens and become sessions; sessions speak to the backbone, which remembers and routes. It never decides what a host
 * runs. `startRelay` is the whole of it for programs; `main.ts` is the command line.
 */
import { pino, type Logger } from 'pino';
import { enroll, revoke, type EnrollOptions } from './admin.ts';
import type { Backbone, TokenOwner } from './backbone/backbone.ts';
import { EmbeddedBackbone } from './backbone/embedded/embedded.ts';
import { FleetView } from './fleet/fleet-view.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Metrics } from './metrics.ts';
import { driveRollouts } from './rollouts/driver.ts';
import { RETENTION, type Retention } from './runs/retention.ts';
import { addressUrl, parseAddress, refusePlaintext } from './server/address.ts';
import { readCertificate, watchCertificate, type CertificateFiles } from './server/certificate.ts';
import { Door } from './server/door.ts';
import { httpHandler } from './server/http.ts';
import { listen, type Listener } from './server/listener.ts';
import { keepShownCertificate, shownCertificate } from './server/shown-certificate.ts';
import { DEFAULT_TIMINGS, type SessionTimings } from './sessions/context.ts';
import { Sessions } from './sessions/sessions.ts';
import { RELAY_VERSION } from './version.ts';

export interface RelayOptions {
  /** The data folder, made when it is missing; or a backbone, which is closed with the relay. */
  readonly store: string | Backbone;
  /** `HOST:PORT` (port 0: any that is free), `[IPV6]:PORT` or `unix:/PATH`. */
  readonly listen: readonly string[];
  /** With it TCP addresses take `wss://` only. */
  readonly certificate?: CertificateFiles;
  /** Take tokens in clear text also from the network. */
  readonly allowPlaintext?: boolean;
  /** Origins of web pages that may connect. */
  readonly origins?: readonly string[];
  /** What is kept of a host's runs: the newest fifty, for thirty days, unless said otherwise. */
  readonly retention?: Partial<Retention>;
  /** Silent by default. */
  readonly log?: Logger;
  readonly timings?: Partial<RelayTimings>;
  /** The wall clock, ms since the epoch. */
  readonly now?: () => number;
  /** Told of the bytes of every message that an agent sends. */
  readonly onReceived?: (bytes: number) => void;
  /** The store failed in a way that only a new process can mend. */
  readonly onFatal?: (error: unknown) => void;
}

export interface RelayTimings extends SessionTimings {
  /** Milliseconds between two looks for expired requests. */
  readonly expiry: number;
  /** Milliseconds between two looks at the certificate's files. */
  readonly certificate: number;
}

export interface RunningRelay {
  /** `ws://127.0.0.1:7780`, `wss://…`, `ws+unix:/…`; agents and operators connect to `/v1/agent` and `/v1/operator` below. */
  readonly addresses: readonly string[];
  /** SHA-256 of the certificate that it began with, `AA:BB:…`; undefined without TLS. */
  readonly fingerprint?: string;
  /** Returns the token. Throws AdminError. */
  enroll(owner: TokenOwner, options?: Partial<EnrollOptions>): Promise<string>;
  /** Throws AdminError. */
  revoke(owner: TokenOwner): Promise<void>;
  /** Says goodbye to everybody, writes everything down, and is gone. */
  close(): Promise<void>;
}

/**
 * Starts a relay.
 * @throws AddressError, CertificateError, StoreError, NewerDatabase
 */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
  const log = options.log ?? pino({ level: 'silent' });
  const now = options.now ?? Date.now;
  const retention = { ...RETENTION, ...options.retention };
  const timings: RelayTimings = { ...DEFAULT_TIMINGS, expiry: 1_000, certificate: 2_000, ...options.timings };
  const addresses = options.listen.map(parseAddress);
  const certificate = options.certificate && readCertificate(options.certificate);
  if (!certificate && !options.allowPlaintext) for (const address of addresses) await refusePlaintext(address);

  await using undo = new AsyncDisposableStack();
  const metrics = new Metrics(RELAY_VERSION);
  const backbone =
    typeof options.store === 'string'
      ? await EmbeddedBackbone.open({
          dir: options.store,
          serve: true,
          onError: (what, error) => {
            metrics.storeErrors.inc();
            log.error({ err: error }, what);
          },
          ...(options.onFatal && { onFatal: options.onFatal }),
        })
      : options.store;
  undo.defer(() => backbone.close());
  const fleet = await FleetView.of(backbone);
  undo.defer(() => fleet.close());
  metrics.showFleet(() => fleet.hosts());

  undo.defer(await driveRollouts({ backbone, log, now }));

  const sessions = new Sessions({
    ...{ backbone, fleet, metrics, log, timings, now, retention, relayVersion: RELAY_VERSION },
    ...(options.onReceived && { onReceived: options.onReceived }),
  });
  undo.defer(
    backbone.watchFleet(change => {
      if (change.kind === 'tokens') sessions.recheck();
    }),
  );
  undo.defer(
    startHousekeeping({
      backbone,
      retention,
      online: () => sessions.hosts(),
      log,
      now,
      expiryInterval: timings.expiry,
    }),
  );

  const door = new Door({
    backbone,
    origins: options.origins ?? [],
    onConnection: (socket, owner, tokenHash) => sessions.admit(socket, owner, tokenHash),
    onRefused: (reason, request, error) => {
      metrics.authFailures.inc({ reason });
      log.warn({ reason, from: request.socket.remoteAddress, err: error }, 'refused a connection');
    },
  });
  const onError = (error: unknown) => log.error({ err: error }, 'the store is ill');
  const onRequest = httpHandler({ backbone, metrics, version: RELAY_VERSION, onError });
  const listeners: Listener[] = [];
  undo.defer(() => goodbye(listeners, sessions));
  for (const address of addresses) {
    const listener = await listen(address, certificate, onRequest);
    listener.server.on('upgrade', (request, socket, head) => door.upgrade(request, socket, head));
    listeners.push(listener);
  }
  const show = (pem: Buffer | undefined): string | undefined => {
    const shown = pem && shownCertificate(pem);
    if (typeof options.store === 'string') keepShownCertificate(options.store, shown);
    return shown?.fingerprint;
  };
  const fingerprint = show(certificate?.cert);
  if (options.certificate) {
    const stop = watchCertificate(
      options.certificate,
      timings.certificate,
      next => {
        for (const listener of listeners) listener.setCertificate(next);
        log.info({ fingerprint: show(next.cert) }, 'uses the new certificate');
      },
      error => log.warn({ err: error }, 'cannot use the changed certificate; the old one stays'),
    );
    undo.defer(stop);
  }

  const running = undo.move();
  let closed: Promise<void> | undefined;
  return {
    addresses: listeners.map(({ address, isTls }) => addressUrl(address, isTls)),
    ...(fingerprint !== undefined && { fingerprint }),
    enroll: (owner, enrollOptions) => enroll(backbone, owner, { who: 'program', now, ...enrollOptions }),
    revoke: owner => revoke(backbone, owner, 'program', now),
    close: () => (closed ??= running.disposeAsync()),
  };
}

/** Nobody comes in any more; whoever is there is told, and gone when it resolves. */
async function goodbye(listeners: readonly Listener[], sessions: Sessions): Promise<void> {
  sessions.goodbye();
  await Promise.all(listeners.map(listener => listener.close()));
  await sessions.over();
}
