import { watchFile, unwatchFile, readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

export interface CertificateFiles {
  /** PEM, the chain with the relay's own certificate first. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads a certificate and its key. Throws when a file cannot be read or the two do not belong together. */
export function readCertificate(files: CertificateFiles): Certificate {
  const certificate = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  createSecureContext(certificate);
  return certificate;
}

/**
 * Looks at the files in an interval (what renews certificates replaces files, links or folders; a look at the path sees
 * all of them) and tells of each new pair that can be used. While the pair is half written the old one stays.
 * @param interval ms
 * @returns stops looking
 */
export function watchCertificate(
  files: CertificateFiles,
  interval: number,
  onChange: (certificate: Certificate) => void,
  onError: (error: unknown) => void,
): () => void {
  const look = () => {
    try {
      onChange(readCertificate(files));
    } catch (error) {
      onError(error);
    }
  };
  for (const path of [files.cert, files.key]) watchFile(path, { persistent: false, interval }, look);
  return () => {
    for (const path of [files.cert, files.key]) unwatchFile(path, look);
  };
}
