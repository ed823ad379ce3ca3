import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { execa } from 'execa';

/**
 * Runs `work` while no other process on this machine holds the lock at `path`. flock(1) holds it for us, and gives it
 * back when this process ends in whatever way.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const holder = execa('flock', [path, 'sh', '-c', 'echo held; cat'], {
    stdin: 'pipe',
    stdout: 'pipe',
    buffer: false,
    reject: false,
  });
  await Promise.race([new Promise<void>(resolve => holder.stdout.once('data', () => resolve())), holder]);
  if (holder.nodeChildProcess.exitCode !== null) throw new Error(`cannot lock ${path}`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await holder;
  }
}
