/**
 * The colours and styles that SGR sequences (ECMA-48, 8.3.117) have switched on, as the shortest sequence that switches
 * the same on again, such as `ESC[1;31m`. Empty for none. Kept canonical, so that it never grows with the output.
 */
export type SgrState = string;

export const NO_SGR: SgrState = '';

const SGR = /\x1b\[([\d;]*)m/g;

/** What each code switches off, by the slot names below. */
const OFF: ReadonlyMap<number, readonly string[]> = new Map([
  [22, ['1', '2']],
  [23, ['3']],
  [24, ['4']],
  [25, ['5']],
  [27, ['7']],
  [28, ['8']],
  [29, ['9']],
  [39, ['fg']],
  [49, ['bg']],
]);

/** The state after a text, given the state before it. Other control sequences change nothing. */
export function advanceSgr(state: SgrState, text: string): SgrState {
  // what lies before a reset makes no difference, and most coloured lines end with one
  const reset = Math.max(text.lastIndexOf('\x1b[0m'), text.lastIndexOf('\x1b[m'));
  if (reset !== -1 && !text.includes('\x1b', reset + 1)) return NO_SGR;
  const slots = new Map<string, string>();
  apply(slots, state);
  apply(slots, text);
  if (slots.size === 0) return NO_SGR;
  return `\x1b[${[...slots.keys()]
    .sort()
    .map(slot => slots.get(slot))
    .join(';')}m`;
}

function apply(slots: Map<string, string>, text: string): void {
  for (const [, parameters = ''] of text.matchAll(SGR)) {
    const codes = parameters.split(';').map(code => (code === '' ? 0 : Number(code)));
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i] ?? 0;
      if (code === 38 || code === 48) {
        const length = codes[i + 1] === 5 ? 3 : codes[i + 1] === 2 ? 5 : 0;
        const colour = codes.slice(i, i + length);
        // of a sequence that names no colour nobody knows what the rest means
        if (length === 0 || colour.length < length) break;
        if (colour.every(part => part <= 255)) slots.set(code === 38 ? 'fg' : 'bg', colour.join(';'));
        i += length - 1;
      } else if (code === 0) slots.clear();
      else if (code <= 9 && code !== 6) slots.set(String(code), String(code));
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) slots.set('fg', String(code));
      else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) slots.set('bg', String(code));
      else for (const slot of OFF.get(code) ?? []) slots.delete(slot);
    }
  }
}
