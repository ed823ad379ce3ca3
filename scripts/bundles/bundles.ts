// What `nix/bundles.json` says: the hash of the release build's output, which Nix builds anew (nix/bundles.nix) and compares.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { PROTOCOL } from '../../protocol/index.ts';
import { narHash } from './nar.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Relative to the project's root. */
export const BUNDLES_FILE = 'nix/bundles.json';

export interface Bundles {
  /** The project's version: package.json's. */
  readonly version: string;
  /** The protocol that this agent speaks. */
  readonly protocol: number;
  /** NAR hash of the folder that `node esbuild.mjs --release` writes, as `outputHash` takes it. */
  readonly hash: string;
}

/**
 * Builds what ships into a folder of its own and says what `nix/bundles.json` has to say of it.
 * @throws when the build fails
 */
export async function findBundles(): Promise<Bundles> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const folder = await mkdtemp(join(tmpdir(), 'nixfleet-bundles-'));
  try {
    const outdir = join(folder, 'bundles');
    await execa(process.execPath, ['esbuild.mjs', '--release', `--outdir=${outdir}`], { cwd: ROOT, stdin: 'ignore' });
    return { version, protocol: PROTOCOL, hash: narHash(outdir) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The text of `nix/bundles.json`. */
export function bundlesText(bundles: Bundles): string {
  return `${JSON.stringify(bundles, null, 2)}\n`;
}
