/** How the readers of this folder give up on a lock: thrown inside, an error value at the door (parse.ts). */

import type { JsonPath } from './json-position.ts';
import { plainText } from './plain-text.ts';
import type { LockErrorKind } from './types.ts';

export class Refusal extends Error {
  readonly kind: LockErrorKind;
  readonly path: JsonPath;

  constructor(kind: LockErrorKind, message: string, path: JsonPath) {
    super(message);
    this.kind = kind;
    this.path = path;
  }
}

/** A name from the file, for use in a message. */
export function quoted(name: string): string {
  return `'${plainText(name, 60)}'`;
}
