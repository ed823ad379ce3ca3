/** What lock files and hosts say is text, and never markup: a hover can hold links to commands otherwise. */
export function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~&:@\n]/g, character => (character === '\n' ? ' ' : `\\${character}`));
}

/** A link that is https, or the text alone. */
export function linked(text: string, url: string | undefined): string {
  const shown = escaped(text);
  return url?.startsWith('https://') ? `[${shown}](${url.replace(/[()\s<>\\]/g, encodeURIComponent)})` : shown;
}

/** A table without a heading: what is it, and what it is. */
export function facts(rows: readonly (readonly [label: string, value: string] | undefined)[]): string {
  return rows
    .filter(row => row !== undefined)
    .map(([label, value]) => `${escaped(label)}: ${value}`)
    .join('  \n');
}
