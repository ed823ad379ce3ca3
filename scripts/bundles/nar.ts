import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, lstatSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file or folder as a Nix archive, the form in which Nix hashes the output of a fixed-output derivation.
 * @see https://nix.dev/manual/nix/2.26/protocols/nix-archive
 */
export function nar(path: string): Buffer {
  const parts: Buffer[] = [];
  const put = (...strings: readonly (string | Buffer)[]) => {
    for (const string of strings) parts.push(padded(Buffer.from(string)));
  };
  const node = (path: string) => {
    const stat = lstatSync(path);
    put('(', 'type');
    if (stat.isSymbolicLink()) put('symlink', 'target', readlinkSync(path));
    else if (stat.isDirectory()) {
      put('directory');
      for (const name of namesByByte(path)) {
        put('entry', '(', 'name', name, 'node');
        node(join(path, name));
        put(')');
      }
    } else if (stat.isFile()) {
      put('regular');
      if ((stat.mode & 0o100) !== 0) put('executable', '');
      put('contents', readFileSync(path));
    } else throw new Error(`${path} is neither file, folder nor link: a Nix archive cannot hold it`);
    put(')');
  };
  put('nix-archive-1');
  node(path);
  return Buffer.concat(parts);
}

/** What `nix hash path` says: SHA-256 of the archive, as `outputHash` takes it. */
export function narHash(path: string): string {
  return `sha256-${createHash('sha256').update(nar(path)).digest('base64')}`;
}

/** Length as a little-endian u64, the bytes, zeros up to a multiple of eight. */
function padded(bytes: Buffer): Buffer {
  const result = Buffer.alloc(8 + Math.ceil(bytes.length / 8) * 8);
  result.writeBigUInt64LE(BigInt(bytes.length));
  bytes.copy(result, 8);
  return result;
}

function namesByByte(folder: string): string[] {
  return readdirSync(folder).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}
