/**
 * The lines of an agent's log since a time. Its own lines begin with their time; what follows one without a time (a stack, the
 * last words of a program that could not start) belongs to it.
 * @param since ms since the epoch
 */
export function linesSince(text: string, since: number): readonly string[] {
  const lines = text.split('\n').filter(line => line.trim() !== '');
  const before = lines.findLastIndex(line => {
    const time = Date.parse(/^\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(line)?.[0] ?? '');
    return time < since;
  });
  return lines.slice(before + 1);
}
