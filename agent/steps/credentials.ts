/**
 * The one place that keeps user names and passwords of URLs (`https://user:token@host/…`) out of what others read: journal,
 * output, messages. A token may be either of the two; of SSH only the password is one.
 */

/** What ends the part of a URL that may hold credentials. */
const NOT_IN_AUTHORITY = String.raw`\x00-\x20/?#"'<>\\`;
// looked for from its :// on, and back to a scheme of some length: a line may be megabytes long
const CREDENTIALS = new RegExp(String.raw`(?<=([a-z][a-z0-9+.-]{0,30}))://([^${NOT_IN_AUTHORITY}]*)@`, 'gi');
const OPEN_AUTHORITY = new RegExp(String.raw`://[^${NOT_IN_AUTHORITY}]*$`);

/** A text with the credentials of its URLs replaced by `***`. Asked again it changes nothing more. */
export function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS, (_, scheme: string, credentials: string) => {
    if (!/ssh$/i.test(scheme)) return '://***@';
    const [user = ''] = credentials.split(':', 1);
    return user === credentials ? `://${credentials}@` : `://${user}:***@`;
  });
}

/** Characters that are held back for an end of what may be credentials, at the most. */
const MAX_HELD = 16 * 1024;
/** Characters that are remembered of what came before, for the scheme of a URL that is cut in two. */
const CONTEXT = 64;

/** The same for bytes that come in pieces: however they are cut, what comes out adds up to the same. */
export class CredentialFilter {
  /** The end of what has been passed on. */
  #context = '';
  #held = '';

  push(chunk: Uint8Array): Uint8Array {
    // most output has no URL in it
    if (
      this.#held === '' &&
      !/:\/{0,2}$/.test(this.#context) &&
      !Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).includes('://')
    ) {
      this.#remember(Buffer.from(chunk.subarray(-CONTEXT)).toString('latin1'));
      return chunk;
    }
    const text = this.#context + this.#held + Buffer.from(chunk).toString('latin1');
    const open = OPEN_AUTHORITY.exec(text);
    const isHeld = open !== null && text.length - open.index <= MAX_HELD;
    const end = isHeld ? Math.max(open.index + 3, this.#context.length) : text.length;
    this.#held = text.slice(end);
    return this.#pass(text.slice(0, end));
  }

  end(): Uint8Array {
    const rest = this.#held;
    this.#held = '';
    return this.#pass(this.#context + rest);
  }

  /** @param text begins with the context, in which nothing is left to be replaced */
  #pass(text: string): Uint8Array {
    const passed = withoutCredentials(text).slice(this.#context.length);
    this.#remember(passed);
    return Buffer.from(passed, 'latin1');
  }

  #remember(passed: string): void {
    this.#context = (this.#context + passed).slice(-CONTEXT);
  }
}
