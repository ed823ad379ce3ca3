import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Runs whose copies are kept, and for how many milliseconds at the most. */
const KEEP_RUNS = 50;
const KEEP_FOR = 30 * 24 * 3_600_000;
const OWNER = 'owner';

/** The folder of this window's copies of runs, and the end of that. */
export interface CopyFolder {
  readonly path: string;
  release(): Promise<void>;
}

/**
 * Takes one of the numbered folders below `root` for this process. Every window has one of its own, because two that
 * write one file would spoil it; after a reload a window finds its old one free again. Removes copies that are too old.
 */
export async function claimCopyFolder(root: string, pid = process.pid): Promise<CopyFolder> {
  await mkdir(root, { recursive: true });
  for (let number = 1; ; number++) {
    const path = join(root, String(number));
    await mkdir(path, { recursive: true });
    if (!(await claim(path, pid))) continue;
    await removeOld(path);
    return { path, release: () => rm(join(path, OWNER), { force: true }) };
  }
}

async function claim(folder: string, pid: number): Promise<boolean> {
  const file = join(folder, OWNER);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(file, String(pid), { flag: 'wx' });
      return true;
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      const owner = Number(await readFile(file, 'utf8').catch(() => ''));
      if (owner !== pid && isAlive(owner)) return false;
      await rm(file, { force: true });
    }
  }
  return false;
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
}

/** A run's files are named after it, and a ULID sorts by its time. */
async function removeOld(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter(name => name !== OWNER);
  const runs = [...new Set(names.map(runOf))].sort().reverse();
  const kept = new Set(runs.slice(0, KEEP_RUNS));
  const oldest = Date.now() - KEEP_FOR;
  for (const name of names) {
    const path = join(folder, name);
    const modified = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (!kept.has(runOf(name)) || modified < oldest) await rm(path, { force: true, recursive: true });
  }
}

function runOf(file: string): string {
  return file.replace(/\..*$/, '');
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
