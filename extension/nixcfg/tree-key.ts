import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from './run-process.ts';

/** Milliseconds that git has for each step. */
const DEADLINE = 20_000;

/**
 * Names what nix would evaluate: the lock and the content of all files that git tracks, as they are on disk. Nothing of it
 * is left in the repository. Undefined where git does not tell; then nothing is kept of an evaluation.
 */
export async function treeKey(folder: string, signal: AbortSignal): Promise<string | undefined> {
  const lock = await readFile(join(folder, 'flake.lock')).catch(() => '');
  const tree = await treeHash(folder, signal);
  if (tree === undefined) return undefined;
  return createHash('sha256').update(lock).update('\0').update(tree).update('\0').update(folder).digest('hex');
}

/** The tree that a commit of everything would have, written into a folder that is thrown away. */
async function treeHash(folder: string, signal: AbortSignal): Promise<string | undefined> {
  const scratch = await mkdtemp(join(tmpdir(), 'nixfleet-tree-'));
  try {
    const git = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string | undefined> => {
      const options = { cwd: folder, env: { ...process.env, ...env }, signal, deadline: DEADLINE };
      const { exitCode, stdout } = await runProcess('git', args, options);
      return exitCode === 0 ? stdout.trim() : undefined;
    };
    const paths = await git(['rev-parse', '--path-format=absolute', '--git-path', 'index', '--git-path', 'objects']);
    const [index, objects] = paths?.split('\n') ?? [];
    if (index === undefined || objects === undefined) return undefined;
    const own = join(scratch, 'index');
    await mkdir(join(scratch, 'objects'));
    await copyFile(index, own);
    const env = {
      GIT_INDEX_FILE: own,
      GIT_OBJECT_DIRECTORY: join(scratch, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
      GIT_OPTIONAL_LOCKS: '0',
    };
    if ((await git(['add', '--update', ':/'], env)) === undefined) return undefined;
    return await git(['write-tree'], env);
  } catch {
    return undefined;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
