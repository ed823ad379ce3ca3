import { closeSync, constants, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { JOURNAL_FORMAT, type AnyRunEvent, type RunEvent } from '../../protocol/index.ts';
import { withoutCredentials } from '../steps/credentials.ts';
import { readSmallFile, syncFolder, writeFileAtomically } from './files.ts';
import { parseJournal } from './journal.ts';
import type { UndoDecided } from './undo-decided.ts';
import { MAX_JOURNAL_BYTES } from './run-list.ts';

/** An event as its writer knows it; the journal adds format, number and time. */
export type NewRunEvent =
  (RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'v' | 'seq' | 'at'> : never) : never) | UndoDecided;

/** The journal of a run, open for its one writer. Each event is on disk when `append` returns. */
export class JournalWriter {
  readonly #fd: number;
  readonly #events: AnyRunEvent[];
  #bytes: number;
  readonly #now: () => number;

  private constructor(fd: number, events: AnyRunEvent[], bytes: number, now: () => number) {
    this.#fd = fd;
    this.#events = events;
    this.#bytes = bytes;
    this.#now = now;
  }

  /**
   * Opens a journal, or begins one. What a crash left behind the last good line is set aside in `<path>.corrupt` and cut
   * off; `damage` says so.
   */
  static open(path: string, now: () => number = Date.now): { journal: JournalWriter; damage?: string } {
    const read = readSmallFile(path, MAX_JOURNAL_BYTES);
    if (!read.ok && read.kind !== 'missing') throw new Error(`the journal cannot be used: ${read.message}`);
    const bytes = read.ok ? read.value : Buffer.alloc(0);
    const { events, goodBytes, damage } = parseJournal(bytes);
    if (damage !== undefined) writeFileAtomically(`${path}.corrupt`, bytes.subarray(goodBytes));
    const fd = openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
      0o640,
    );
    if (damage !== undefined) {
      ftruncateSync(fd, goodBytes);
      fsyncSync(fd);
    }
    if (!read.ok) syncFolder(dirname(path));
    const journal = new JournalWriter(fd, [...events], goodBytes, now);
    return { journal, ...(damage !== undefined && { damage }) };
  }

  get events(): readonly AnyRunEvent[] {
    return this.#events;
  }

  /** Adds the next event, without credentials that are in its URLs. Where the disk refuses, nothing of it stays behind and the error is thrown. */
  append(event: NewRunEvent): AnyRunEvent {
    const text = JSON.stringify(
      { v: JOURNAL_FORMAT, seq: this.#events.length + 1, at: this.#now(), ...event },
      (_, value: unknown) => (typeof value === 'string' ? withoutCredentials(value) : value),
    );
    const line = Buffer.from(`${text}\n`);
    try {
      for (let written = 0; written < line.length;) written += writeSync(this.#fd, line, written);
      fsyncSync(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#bytes += line.length;
    // what this process knows is what the next one will read
    const written = JSON.parse(text) as AnyRunEvent;
    this.#events.push(written);
    return written;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
