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

/** The certificate cannot be used; the message is one sentence for whoever runs the relay. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/**
 * Reads a certificate and its key.
 * @throws CertificateError when a file cannot be read or the two do not belong together
 */
export function readCertificate(files: CertificateFiles): Certificate {
  const certificate = {
    cert: readPem('the certificate', files.cert),
    key: readPem('the key of the certificate', files.key),
  };
  try {
    createSecureContext({ cert: certificate.cert });
  } catch (error) {
    throw new CertificateError(`the certificate ${files.cert} is not a PEM certificate chain (${inShort(error)})`);
  }
  try {
    createSecureContext(certificate);
  } catch (error) {
    throw new CertificateError(
      `the key ${files.key} cannot be used with the certificate ${files.cert} (${inShort(error)})`,
    );
  }
  return certificate;
}

function readPem(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const user = process.getuid?.();
    const why =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES' || code === 'EPERM'
          ? `may not be read by this user${user === undefined ? '' : ` (uid ${user})`}`
          : `cannot be read (${code ?? (error as Error).message})`;
    throw new CertificateError(`${what} ${path} ${why}`);
  }
}

/** OpenSSL's own words, without its file names and numbers. */
function inShort(error: unknown): string {
  const { message } = error as Error;
  return message.split(':').at(-1)?.trim() || message;
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
