/**
 * What the relay's certificate looks like from outside, for whoever pins it on a host. A relay that serves a folder leaves it
 * there, so that the command line can tell it beside the token.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const shownSchema = z.object({
  /** SHA-256, as openssl writes it: `AA:BB:…`. */
  fingerprint: z.string().regex(/^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/),
  /** No authority vouches for it, so hosts have to be told of it. */
  selfSigned: z.boolean(),
});
export type ShownCertificate = z.infer<typeof shownSchema>;

/** @param pem the chain with the relay's own certificate first */
export function shownCertificate(pem: Buffer): ShownCertificate {
  const certificate = new X509Certificate(pem);
  return {
    fingerprint: certificate.fingerprint256,
    selfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  };
}

const pathIn = (dir: string): string => join(dir, 'certificate.json');

/** Leaves it in the data folder; undefined: there is none. */
export function keepShownCertificate(dir: string, shown: ShownCertificate | undefined): void {
  if (!shown) {
    rmSync(pathIn(dir), { force: true });
    return;
  }
  writeFileSync(`${pathIn(dir)}.new`, `${JSON.stringify(shown)}\n`, { mode: 0o600 });
  renameSync(`${pathIn(dir)}.new`, pathIn(dir));
}

/** What the relay that served the folder last showed; undefined when it did not do TLS itself. */
export function readShownCertificate(dir: string): ShownCertificate | undefined {
  try {
    return shownSchema.safeParse(JSON.parse(readFileSync(pathIn(dir), 'utf8'))).data;
  } catch {
    return undefined;
  }
}
