/** What a push that did not go through met. */
export interface PushRefusal {
  /** `moved`: upstream is not where it was. `refused`: the remote does not want it. `failed`: it was not reached, or worse. */
  readonly kind: 'moved' | 'refused' | 'failed';
  /** For people. */
  readonly why: string;
}

/** ` ! [rejected] a -> b (reason)`: what git's transport.c prints for a ref, by this side or by the remote. */
const STATUS = /^ ! \[(remote )?(?:rejected|failure)\][^(]*\((.*)\)$/m;

/** Somebody else's push was there first, or is at this moment: this side's words, then those of the remote's receive-pack. */
const MOVED =
  /^(?:stale info|fetch first|non-fast-forward|needs force|remote ref updated since checkout)$|failed to update ref|cannot lock ref|failed to lock|incorrect old value|but expected/;

/** Reads the output of a failed `git push` of one ref. */
export function pushRefusal(output: string): PushRefusal {
  const [, , reason] = STATUS.exec(output) ?? [];
  if (reason === undefined) {
    const last = output.trim().split('\n').at(-1) ?? '';
    return { kind: 'failed', why: last === '' ? 'git push failed and did not say why' : `git push failed: ${last}` };
  }
  if (MOVED.test(reason)) return { kind: 'moved', why: `upstream moved on (${reason})` };
  const said = output
    .split('\n')
    .flatMap(line => /^remote: (?:error: |fatal: |GitLab: )?(.*\S)/.exec(line)?.[1] ?? [])
    .filter(line => /\w/.test(line))
    .slice(0, 3);
  return { kind: 'refused', why: `the remote refused it: ${[...said, reason].join('; ')}` };
}
