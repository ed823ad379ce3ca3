const ESCAPES =
  // CSI, OSC (ended by BEL or ST), other strings, two-character escapes, and the 8-bit forms
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]/g;

/** The last lines of some output as plain text: no control sequences, no empty lines, each of a readable length. */
export function lastLines(output: Uint8Array, count = 20): string[] {
  return plainText(new TextDecoder().decode(output))
    .split('\n')
    .map(line => line.trimEnd())
    .filter(line => line !== '')
    .slice(-count)
    .map(line => (line.length > 1000 ? `${line.slice(0, 999)}…` : line));
}

/** Text without control sequences; of a line that was overwritten (carriage return) what stood there last. */
export function plainText(text: string): string {
  return text
    .replace(ESCAPES, '')
    .replace(/\r+\n/g, '\n')
    .replace(/[^\n]*\r/g, '')
    .replace(/[\p{Cc}\p{Cf}]/gu, character => (character === '\n' || character === '\t' ? character : ''));
}

/** Keeps the end of a stream of bytes. */
export class Tail {
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(limit = 64 * 1024) {
    this.#limit = limit;
  }

  push(bytes: Uint8Array): void {
    const piece = bytes.length > this.#limit ? bytes.subarray(bytes.length - this.#limit) : bytes;
    this.#pieces.push(Buffer.from(piece));
    this.#bytes += piece.length;
    while (this.#bytes - (this.#pieces[0]?.length ?? 0) >= this.#limit)
      this.#bytes -= this.#pieces.shift()?.length ?? 0;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}
