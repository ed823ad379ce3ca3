import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  opendirSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import type * as z from 'zod';
import { readJsonFile, type ReadResult } from './files.ts';
import { statePaths } from './layout.ts';

/** Names that are looked at, at the most: whoever fills the folder must not fill our memory. */
const MAX_NAMES = 10_000;

export type OpenInbox =
  | { readonly ok: true; readonly inbox: InboxFolder }
  | { readonly ok: false; readonly kind: 'missing' | 'unfit'; readonly message: string };

/**
 * The inbox as the runner sees it. The runner is root where the agent, who owns the folder, faces the network: whatever lies in
 * it may be there to play root a trick. No link is followed, neither in the folder's place nor in it; only regular files of the
 * agent's own are read; nothing is ever removed as a tree, for what is in a tree can be exchanged meanwhile.
 */
export class InboxFolder implements Disposable {
  readonly #path: string;
  readonly #aside: string;
  readonly #fd: number;
  readonly #owner: number;
  /** The very folder that was opened, whatever its path leads to by now. */
  readonly #at: string;

  private constructor(stateDir: string, fd: number, owner: number) {
    this.#path = statePaths(stateDir).inbox;
    this.#aside = statePaths(stateDir).rejected;
    this.#fd = fd;
    this.#owner = owner;
    // Node has no openat(2). On a Mac there is no such path, but the state folder is not the agent's there
    this.#at = process.platform === 'linux' ? `/proc/self/fd/${fd}` : this.#path;
  }

  static open(stateDir: string): OpenInbox {
    const path = statePaths(stateDir).inbox;
    const unfit = (why: string): OpenInbox => ({ ok: false, kind: 'unfit', message: `${path} ${why}` });
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return { ok: false, kind: 'missing', message: `${path} does not exist` };
      return unfit(
        code === 'ENOTDIR' || code === 'ELOOP' || code === 'EMLINK'
          ? 'is not a folder'
          : `cannot be opened: ${(error as Error).message}`,
      );
    }
    const { uid, mode } = fstatSync(fd);
    if (mode & 0o022) {
      closeSync(fd);
      return unfit(`may be written by others than its owner (mode ${(mode & 0o777).toString(8)})`);
    }
    return { ok: true, inbox: new InboxFolder(stateDir, fd, uid) };
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  names(): string[] {
    const names: string[] = [];
    const folder = opendirSync(this.#at);
    try {
      for (let entry = folder.readSync(); entry && names.length < MAX_NAMES; entry = folder.readSync())
        names.push(entry.name);
    } finally {
      folder.closeSync();
    }
    return names.sort();
  }

  /** Reads a JSON file of a known shape. Never throws. */
  readJson<S extends z.ZodType>(name: string, schema: S, maxBytes: number): ReadResult<z.infer<S>> {
    return readJsonFile(join(this.#at, name), schema, maxBytes, {
      name: join(this.#path, name),
      unfit: stat => this.#unfit(stat),
    });
  }

  /** Milliseconds since something was put there or changed, by a clock that its owner cannot set; undefined when it is gone. */
  age(name: string): number | undefined {
    const stat = lstatSync(join(this.#at, name), { throwIfNoEntry: false });
    return stat && Date.now() - stat.ctimeMs;
  }

  /** Takes something out of the folder. A folder is put aside as it is, into `rejected` of the state folder. */
  remove(name: string): void {
    const path = join(this.#at, name);
    try {
      unlinkSync(path);
    } catch (error) {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (!stat) return;
      if (!stat.isDirectory()) throw error;
      mkdirSync(this.#aside, { recursive: true, mode: 0o700 });
      renameSync(path, join(this.#aside, `${name}.${Date.now()}`));
    }
  }

  /** A second name for somebody else's file would let its owner be read with our rights. */
  #unfit({ uid, nlink }: Stats): string | undefined {
    if (nlink !== 1) return 'has another name elsewhere';
    return uid === this.#owner || uid === process.getuid?.() ? undefined : 'belongs to somebody else';
  }
}
