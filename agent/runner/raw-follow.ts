import type { NixEntry } from './render/nix-entry.ts';
import { rendererFor } from './render/renderer.ts';
import { RawTail } from './raw-tail.ts';

export interface FollowOptions {
  /** The raw file, and its name in the run directory. */
  readonly path: string;
  readonly name: string;
  /** Where the step's bytes begin in it. */
  readonly offset: number;
  /** Rendered bytes that are in the output already. */
  readonly skip: number;
  /** Settled when nobody writes to the file any more. */
  readonly ended: Promise<unknown>;
  /** Takes rendered bytes, those to be skipped left out. Valid only during the call. */
  readonly write: (bytes: Uint8Array) => void;
  /** Told of the entries of nix's log. */
  readonly watch?: ((entry: NixEntry) => void) | undefined;
  /** Asked when there is nothing to read; `since` is when the last byte came, in ms of `performance.now()`. */
  readonly idle?: (since: number) => void;
}

/** Renders what is, and what will be, in a raw file until its writers have ended. Resolves when all of it is written. */
export async function followRaw({ path, name, offset, skip, ended, write, watch, idle }: FollowOptions): Promise<void> {
  const progress = { ended: false };
  const end = ended.then(
    () => (progress.ended = true),
    () => (progress.ended = true),
  );
  let toSkip = skip;
  const rendered = (bytes: Uint8Array): void => {
    const skipped = Math.min(toSkip, bytes.length);
    toSkip -= skipped;
    if (skipped < bytes.length) write(bytes.subarray(skipped));
  };
  const renderer = rendererFor(name, watch);
  const raw = await RawTail.open(path, offset);
  try {
    let lastByte = performance.now();
    for (;;) {
      // what was written before the end is read after it
      const isLast = progress.ended;
      const chunk = await raw.read();
      if (chunk.length > 0) {
        lastByte = performance.now();
        rendered(renderer.push(chunk));
      } else if (isLast) break;
      else {
        idle?.(lastByte);
        await raw.wait(end);
      }
    }
    rendered(renderer.end());
  } finally {
    await raw.close();
  }
}
