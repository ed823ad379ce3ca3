/** What git says of a checkout. Only questions: what changes a checkout is a step of the run, see the runner's phases. */
import type { Commit } from '../../protocol/index.ts';
import type { Query } from './query.ts';

/** Where a branch comes from. */
export interface Upstream {
  readonly remote: string;
  /** The branch's name there, `refs/heads/…`. */
  readonly ref: string;
}

export interface Head {
  readonly rev: string;
  /** Absent when HEAD is detached. */
  readonly branch?: string;
  /** Absent when the branch has none. */
  readonly upstream?: Upstream;
}

/** A file that upstream changed between two revisions. */
export interface ChangedFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly added: boolean;
}

/** An answer of git that could not be had; `stderr` is git's. */
export class GitError extends Error {
  override readonly name = 'GitError';
  readonly stderr: string;

  constructor(argv: readonly string[], stderr: string) {
    super(`git ${argv.join(' ')}: ${stderr.trim()}`);
    this.stderr = stderr;
  }
}

/** Questions about the checkout that the query's folder lies in. */
export class Git {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** The repository's root, and the path of the query's folder below it (`''`, or ending in a slash). */
  async place(): Promise<{ root: string; prefix: string }> {
    const [root = '', prefix = ''] = (await this.#ask('rev-parse', '--show-toplevel', '--show-prefix')).split('\n');
    return { root, prefix };
  }

  async head(): Promise<Head> {
    const rev = (await this.#ask('rev-parse', '--verify', 'HEAD^{commit}')).trim();
    const branch = (await this.#maybe('symbolic-ref', '-q', '--short', 'HEAD'))?.trim();
    if (!branch) return { rev };
    const remote = (await this.#maybe('config', `branch.${branch}.remote`))?.trim();
    const ref = (await this.#maybe('config', `branch.${branch}.merge`))?.trim();
    return { rev, branch, ...(remote && ref && { upstream: { remote, ref } }) };
  }

  /** The revision that the last fetch of the upstream brought. */
  async fetched(): Promise<string> {
    const tracked = await this.#maybe('rev-parse', '--verify', '-q', '@{upstream}^{commit}');
    return (tracked ?? (await this.#ask('rev-parse', '--verify', 'FETCH_HEAD^{commit}'))).trim();
  }

  async isAncestor(older: string, newer: string): Promise<boolean> {
    return (await this.#maybe('merge-base', '--is-ancestor', older, newer)) !== undefined;
  }

  /** Tracked files that differ from HEAD, staged or not, relative to the root. */
  async dirtyFiles(): Promise<string[]> {
    const out = await this.#ask('status', '--porcelain=v1', '-z', '--untracked-files=no');
    const entries = out.split('\0');
    const files: string[] = [];
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (!entry) continue;
      files.push(entry.slice(3));
      // a rename or copy is followed by where it came from
      if (/^(?:[RC].|.[RC])/.test(entry)) files.push(entries[++i] ?? '');
    }
    return files;
  }

  async changedFiles(from: string, to: string): Promise<ChangedFile[]> {
    const out = await this.#ask('diff', '--name-status', '--no-renames', '--no-relative', '-z', from, to, '--');
    const parts = out.split('\0');
    const files: ChangedFile[] = [];
    for (let i = 0; i + 1 < parts.length; i += 2) files.push({ path: parts[i + 1] ?? '', added: parts[i] === 'A' });
    return files;
  }

  /** The commits that are in `to` and not in `from`, newest first, at most `limit`, and how many there are. */
  async commits(from: string, to: string, limit: number): Promise<{ commits: Commit[]; total: number }> {
    const range = `${from}..${to}`;
    const total = Number((await this.#ask('rev-list', '--count', range)).trim());
    const out = await this.#ask(
      'log',
      `--max-count=${limit}`,
      '-z',
      '--no-show-signature',
      '--format=%H%x1f%ct%x1f%an%x1f%s',
      range,
    );
    const commits = out.split('\0').flatMap(line => {
      const [rev = '', seconds = '', author = '', subject = ''] = line.split('\x1f');
      return rev === ''
        ? []
        : { rev, at: Number(seconds) * 1000, author: author.slice(0, 256), subject: subject.slice(0, 1024) };
    });
    return { commits, total };
  }

  /** The bytes of a file in a revision; undefined when it is not there. The path is relative to the root. */
  async fileAt(rev: string, path: string): Promise<Uint8Array | undefined> {
    const result = await this.#query(['git', 'cat-file', 'blob', `${rev}:${path}`]);
    return result.exitCode === 0 ? result.bytes : undefined;
  }

  /** The owner's `core.sshCommand`. */
  async sshCommand(): Promise<string | undefined> {
    return (await this.#maybe('config', 'core.sshCommand'))?.trim() || undefined;
  }

  async #ask(...args: [string, ...string[]]): Promise<string> {
    const result = await this.#query(['git', ...args]);
    if (result.exitCode !== 0) throw new GitError(args, result.stderr);
    return result.stdout;
  }

  async #maybe(...args: [string, ...string[]]): Promise<string | undefined> {
    const result = await this.#query(['git', ...args]);
    return result.exitCode === 0 ? result.stdout : undefined;
  }
}

/**
 * The files of a person's that a fast-forward would touch.
 * @param exists whether something lies in the worktree at a path that HEAD does not know
 */
export function filesInTheWay(
  changed: readonly ChangedFile[],
  dirty: readonly string[],
  exists: (path: string) => boolean,
): string[] {
  const dirtySet = new Set(dirty);
  return changed.filter(file => dirtySet.has(file.path) || (file.added && exists(file.path))).map(file => file.path);
}
