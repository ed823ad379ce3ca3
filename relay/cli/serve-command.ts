import { pino } from 'pino';
import { startRelay } from '../relay.ts';
import { DAY } from '../runs/retention.ts';
import { AddressError, parseAddress } from '../server/address.ts';
import type { CertificateFiles } from '../server/certificate.ts';
import { selfSignedCertificate } from '../server/self-signed.ts';
import { RELAY_VERSION } from '../version.ts';
import { freePassedMemory } from './passed-memory.ts';

const DEFAULT_LISTEN = ['127.0.0.1:7780'];

export interface ServeFlags {
  readonly listen?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly selfSigned?: true;
  readonly allowPlaintext?: true;
  readonly origin?: readonly string[];
  readonly keepRuns: number;
  readonly keepDays: number;
  readonly logLevel: string;
}

/**
 * Serves until SIGTERM or SIGINT. When it listens it prints one line of JSON on stdout, `{"msg":"listening",
 * "addresses":[…],"pid":…,"version":…}`, with the `fingerprint` of its certificate where it does TLS; its log goes to stderr, JSON as well.
 */
export async function serveCommand(dataDir: string, flags: ServeFlags): Promise<void> {
  const { listen = DEFAULT_LISTEN, allowPlaintext = false, origin = [] } = flags;
  const certificate = certificateOf(dataDir, listen, flags);
  const log = pino({ level: flags.logLevel, base: null }, pino.destination({ dest: 2, sync: true }));
  const relay = await startRelay({
    store: dataDir,
    listen,
    ...(certificate && { certificate }),
    allowPlaintext,
    origins: origin,
    retention: { runs: flags.keepRuns, age: flags.keepDays * DAY },
    log,
    onReceived: freePassedMemory(),
    onFatal: error => {
      log.fatal({ err: error }, 'what is on disk is not known any more; the next start finds out');
      process.exit(1);
    },
  });
  const { addresses, fingerprint } = relay;
  const started = {
    addresses,
    pid: process.pid,
    version: RELAY_VERSION,
    ...(fingerprint !== undefined && { fingerprint }),
  };
  // whoever reads that line may be gone afterwards
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${JSON.stringify({ msg: 'listening', ...started })}\n`);
  log.info({ ...started, data: dataDir }, 'listening');
  const signal = await new Promise<string>(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve);
  });
  log.info({ signal }, 'going down');
  await relay.close();
}

/** @throws AddressError for flags that do not fit together */
function certificateOf(
  dataDir: string,
  listen: readonly string[],
  { cert, key, selfSigned }: ServeFlags,
): CertificateFiles | undefined {
  if ((cert === undefined) !== (key === undefined)) throw new AddressError('--cert and --key are given together');
  if (selfSigned && cert !== undefined) throw new AddressError('give --self-signed or --cert and --key, not both');
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (!selfSigned) return undefined;
  const names = listen.map(parseAddress).flatMap(address => (address.kind === 'tcp' ? [address.host] : []));
  return selfSignedCertificate(dataDir, names);
}
