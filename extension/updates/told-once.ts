import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Nobody asks after so many milliseconds whether something was told. */
const KEEP_FOR = 30 * 24 * 3_600_000;

/**
 * Whether this window is the first to tell something, of several that know of it: windows on one workspace share what they
 * remember, though not the folder in which they keep things. A mark in a folder says that it was told. Where none can be made it is told: rather twice than not at all.
 * @param name what is told; a file name
 */
export async function isFirstToTell(folder: string, name: string): Promise<boolean> {
  await mkdir(folder, { recursive: true }).catch(() => undefined);
  try {
    await writeFile(join(folder, name), '', { flag: 'wx' });
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'EEXIST');
  }
  await removeOld(folder).catch(() => undefined);
  return true;
}

async function removeOld(folder: string): Promise<void> {
  const oldest = Date.now() - KEEP_FOR;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < oldest) await rm(path, { force: true });
  }
}
