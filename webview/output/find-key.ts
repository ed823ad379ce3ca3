/** What a key does for finding. */
export type FindKey = 'open' | 'next' | 'previous' | 'close';

/** What a key that was pressed does for finding, by the keys of VS Code's editors; undefined if that is nothing. */
export function findKey(
  {
    key,
    ctrlKey,
    metaKey,
    altKey,
    shiftKey,
  }: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>,
  isMac: boolean,
): FindKey | undefined {
  if (altKey || (isMac ? ctrlKey : metaKey)) return undefined;
  if (isMac ? metaKey : ctrlKey) {
    if (key.toLowerCase() === 'f' && !shiftKey) return 'open';
    return isMac && key.toLowerCase() === 'g' ? (shiftKey ? 'previous' : 'next') : undefined;
  }
  if (key === 'F3') return shiftKey ? 'previous' : 'next';
  return key === 'Escape' && !shiftKey ? 'close' : undefined;
}
