// What several parts print at the same time, shown as if they ran one after the other: the first as it comes, the next
// ones when it is their turn.

/** Where one part prints. */
export interface Slot {
  write(chunk: Uint8Array | string): void;
  /** Nothing more comes. */
  end(): void;
}

export class InOrder {
  readonly #show: (chunk: Uint8Array | string) => void;
  readonly #slots: { readonly held: (Uint8Array | string)[]; ended: boolean }[] = [];

  constructor(show: (chunk: Uint8Array | string) => void) {
    this.#show = show;
  }

  /** A place behind those that were given out before. */
  slot(): Slot {
    const slot = { held: [] as (Uint8Array | string)[], ended: false };
    this.#slots.push(slot);
    return {
      write: chunk => {
        if (this.#slots[0] === slot) this.#show(chunk);
        else slot.held.push(chunk);
      },
      end: () => {
        slot.ended = true;
        this.#goOn();
      },
    };
  }

  #goOn(): void {
    for (let first = this.#slots.at(0); first?.ended === true; first = this.#slots.at(0)) {
      this.#slots.shift();
      for (const chunk of this.#slots.at(0)?.held.splice(0) ?? []) this.#show(chunk);
    }
  }
}
