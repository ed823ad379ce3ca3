import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Runs whose copies are kept, and for how many milliseconds at the most. */
const KEEP_RUNS = 50;
const KEEP_FOR = 30 * 24 * 3_600_000;
/** A claim on a folder: the file `owner.NUMBER`, with the process in it. Of several the highest number counts. */
const CLAIM = /^owner\.(\d+)$/;
const FREE = 'free';
/** An empty claim is one that is being written, for so many milliseconds. */
const WRITTEN_WITHIN = 10_000;

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
    const claimed = await claim(path, pid);
    if (claimed === undefined) continue;
    await removeOld(path);
    return { path, release: () => writeFile(join(path, claimed), FREE) };
  }
}

/**
 * The name of a new claim on this folder, or undefined when it is another window's. Numbers only grow and a claim is made
 * only where none of its number is: so of several windows that start at once after a crash, and find the same dead owner,
 * one gets the folder. To give it back the claim is marked, not removed.
 */
async function claim(folder: string, pid: number): Promise<string | undefined> {
  const last = await newestClaim(folder);
  if (last > 0 && (await isHeld(join(folder, claimName(last)), pid))) return undefined;
  const number = last + 1;
  try {
    await writeFile(join(folder, claimName(number)), String(pid), { flag: 'wx' });
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return undefined;
    throw error;
  }
  // whoever looked long ago may have made an old claim anew
  if ((await newestClaim(folder)) !== number) {
    await rm(join(folder, claimName(number)), { force: true });
    return undefined;
  }
  for (const name of await readdir(folder)) {
    if (CLAIM.test(name) && name !== claimName(number)) await rm(join(folder, name), { force: true });
  }
  return claimName(number);
}

const claimName = (number: number): string => `owner.${number}`;

async function newestClaim(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map(name => Number(CLAIM.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

async function isHeld(file: string, pid: number): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => FREE);
  if (text === '') return Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? 0) < WRITTEN_WITHIN;
  const owner = Number(text);
  return owner !== pid && isAlive(owner);
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
  const names = (await readdir(folder)).filter(name => !CLAIM.test(name));
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
