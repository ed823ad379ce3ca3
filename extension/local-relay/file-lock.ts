/**
 * A lock between the windows of a machine: a file with the identity of the process that holds it. It is there whole or not at
 * all (a link), and one whose holder is gone is taken away by one process only, which holds a lock for doing so.
 */
import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning, processIdentity, processIdentitySchema, type ProcessIdentity } from './process-identity.ts';

/** Milliseconds between two looks at a lock that another process holds. */
const LOOK_EVERY = 100;

/** Others did not let go of the lock in time. */
export class LockTimeout extends Error {
  override readonly name = 'LockTimeout';
}

/**
 * Does something while no other holder of the lock does.
 * @param within milliseconds that others may take before
 * @throws LockTimeout
 */
export async function withFileLock<T>(path: string, within: number, work: () => Promise<T>): Promise<T> {
  const release = await take(path, Date.now() + within);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function take(path: string, deadline: number): Promise<() => Promise<void>> {
  const self = await processIdentity(process.pid);
  const own = `${path}.${randomUUID()}`;
  // one process may ask twice
  await writeFile(own, JSON.stringify({ ...self, nonce: own }), { mode: 0o600 });
  try {
    for (;;) {
      if (await linked(own, path)) return () => rm(path, { force: true });
      const held = await readFile(path, 'utf8').catch(() => undefined);
      if (held !== undefined && !(await isHeld(held))) await takeAway(path, held, deadline);
      else if (Date.now() > deadline) throw new LockTimeout(`another window holds ${path}`);
      else if (held !== undefined) await delay(LOOK_EVERY);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes a lock that a dead process left, unless somebody else has done so since. */
async function takeAway(path: string, left: string, deadline: number): Promise<void> {
  const name = createHash('sha256').update(left).digest('hex').slice(0, 16);
  const release = await take(`${path}.${name}`, deadline);
  try {
    const now = await readFile(path, 'utf8').catch(() => undefined);
    if (now === left) await rm(path, { force: true });
  } finally {
    await release();
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isHeld(text: string): Promise<boolean> {
  const holder = parse(text);
  return holder !== undefined && (await isRunning(holder));
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    return processIdentitySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
