import { CredentialFilter } from '../../steps/credentials.ts';
import type { NixEntry } from './nix-entry.ts';
import { NixLogRenderer } from './nix-log.ts';

/**
 * Turns a child's raw bytes into what a person reads. A pure function of all bytes pushed so far: however they are cut
 * into chunks, the pieces that come out add up to the same bytes. A runner that takes over from a dead one relies on it.
 */
export interface Renderer {
  push(chunk: Uint8Array): Uint8Array;
  /** The child has ended: what is still held back. */
  end(): Uint8Array;
}

/**
 * The renderer for a raw file, which says by its name what is in it.
 * @param watch told of the entries of nix's log on the way
 */
export function rendererFor(rawFile: string, watch?: (entry: NixEntry) => void): Renderer {
  return new WithoutCredentials(rawFile === NIX_RAW ? new NixLogRenderer(watch) : new PlainRenderer());
}

/** The raw file of nix's machine-readable log; all other raw files hold plain output. */
export const NIX_RAW = 'build.raw';

const NOTHING = new Uint8Array(0);

class PlainRenderer implements Renderer {
  push(chunk: Uint8Array): Uint8Array {
    return chunk;
  }

  end(): Uint8Array {
    return NOTHING;
  }
}

/** git and nix print remotes and inputs with whatever is in their URLs. */
class WithoutCredentials implements Renderer {
  readonly #inner: Renderer;
  readonly #filter = new CredentialFilter();

  constructor(inner: Renderer) {
    this.#inner = inner;
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.#filter.push(this.#inner.push(chunk));
  }

  end(): Uint8Array {
    return Buffer.concat([this.#filter.push(this.#inner.end()), this.#filter.end()]);
  }
}
