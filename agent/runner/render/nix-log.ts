/**
 * Renders nix's `--log-format internal-json` into what `nix build -L` prints on a terminal: messages, what is being built
 * and copied, and the builders' lines behind the short name of their derivation. The format and the texts are those of
 * nix's src/libutil/logging.cc and src/libmain/progress-bar.cc. Lines that are not of the format pass through as they are.
 */
import { nameOf } from './build-tracker.ts';
import { ActivityType, parseNixEntry, ResultType, type ActivityId, type NixEntry } from './nix-entry.ts';
import type { Renderer } from './renderer.ts';

/** A longer line passes through in pieces; nothing larger is ever held. */
export const MAX_NIX_LINE = 8 * 1024 * 1024;

const PREFIX = Buffer.from('@nix ');
const NEWLINE = 10;
const INFO = 3;

export class NixLogRenderer implements Renderer {
  /** Pieces of the line that has not ended, while it can still be an entry. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** The current line is passed through as it comes. */
  #passing = false;
  /** Short names of the derivations that are being built, by activity. */
  readonly #names = new Map<ActivityId, string>();
  readonly #watch: ((entry: NixEntry) => void) | undefined;

  /** @param watch told of every entry, which changes nothing of what is rendered */
  constructor(watch?: (entry: NixEntry) => void) {
    this.#watch = watch;
  }

  push(chunk: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    for (let start = 0; start < chunk.length;) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline === -1 ? chunk.length : newline + 1;
      this.#piece(chunk.subarray(start, end), newline !== -1, out);
      start = end;
    }
    return Buffer.concat(out);
  }

  end(): Uint8Array {
    const rest = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return rest;
  }

  #piece(piece: Uint8Array, endsLine: boolean, out: Uint8Array[]): void {
    if (this.#passing) {
      out.push(piece);
      this.#passing = !endsLine;
      return;
    }
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes > MAX_NIX_LINE || !startsLikeEntry(this.#heldStart())) {
      out.push(this.#takeHeld());
      this.#passing = !endsLine;
    } else if (endsLine) out.push(this.#render(this.#takeHeld()));
  }

  #heldStart(): Uint8Array {
    const first = this.#held[0] ?? PREFIX;
    return first.length >= PREFIX.length || this.#held.length === 1 ? first : Buffer.concat(this.#held);
  }

  #takeHeld(): Uint8Array {
    const [only] = this.#held;
    const line = this.#held.length === 1 && only ? only : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return line;
  }

  #render(line: Uint8Array): Uint8Array {
    if (line.length <= PREFIX.length) return line;
    const parsed = parseNixEntry(new TextDecoder().decode(line.subarray(PREFIX.length)));
    if (!parsed) return line;
    const { entry } = parsed;
    if (entry) this.#watch?.(entry);
    const text = entry && this.#text(entry);
    return text === undefined ? new Uint8Array(0) : Buffer.from(`${text}\n`);
  }

  #text(entry: NixEntry): string | undefined {
    switch (entry.action) {
      case 'msg':
        return entry.level <= INFO ? entry.msg : undefined;
      case 'start': {
        const { id, type, text, level } = entry;
        if (type === ActivityType.build || type === ActivityType.postBuildHook)
          this.#names.set(id, derivationName(entry.fields[0]));
        return level <= INFO && text !== '' && type !== ActivityType.buildWaiting ? `${text}...` : undefined;
      }
      case 'stop':
        this.#names.delete(entry.id);
        return undefined;
      case 'result': {
        const line = entry.fields[0];
        if (typeof line !== 'string' || line === '') return undefined;
        const name = this.#names.get(entry.id) ?? 'unnamed';
        if (entry.type === ResultType.buildLogLine) return `\x1b[2m${name}>\x1b[0m ${line}`;
        if (entry.type === ResultType.postBuildLogLine) return `\x1b[2m${name} (post)>\x1b[0m ${line}`;
        return undefined;
      }
    }
  }
}

function startsLikeEntry(line: Uint8Array): boolean {
  const length = Math.min(line.length, PREFIX.length);
  return PREFIX.subarray(0, length).equals(line.subarray(0, length));
}

/** `/nix/store/<hash>-hello-2.12.drv` → `hello`: nix names a build by the derivation's name without its version. */
function derivationName(path: string | number | undefined): string {
  const base = nameOf(path);
  return /^(.*?)(?:-[^A-Za-z].*)?$/s.exec(base)?.[1] ?? base;
}
