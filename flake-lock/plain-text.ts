/**
 * Makes text from a lock file fit to be shown on one line of a terminal or log: control, formatting (bidirectional,
 * zero width) and separator characters and lone surrogates become U+FFFD, and what is over `limit` characters is cut.
 */
export function plainText(text: string, limit = 200): string {
  const clean = text.slice(0, limit * 2).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\uFFFD');
  const characters = Array.from(clean);
  return characters.length > limit || text.length > limit * 2 ? `${characters.slice(0, limit - 1).join('')}…` : clean;
}
