import { backUp } from '../backbone/embedded/backup.ts';
import { restore } from '../backbone/embedded/restore.ts';
import { startAnew } from '../backbone/embedded/set-aside.ts';
import { RELAY_VERSION } from '../version.ts';
import { actAsOwner } from './act-as-owner.ts';

/** Copies everything into one new file, whether or not a relay serves the folder at the same time. */
export function backupCommand(dir: string, file: string): void {
  // as whoever asks: what root makes beside the database SQLite gives to its owner, and the backup is root's own
  const { runs, bytes } = backUp({ dir, file, at: Date.now(), relayVersion: RELAY_VERSION });
  process.stdout.write(`${file}: ${count(runs, 'run')}, ${(bytes / 1e6).toFixed(1)} MB\n`);
}

export function restoreCommand(dir: string, file: string): void {
  const { at, runs, aside } = restore(dir, file, Date.now());
  if (aside.length > 0) process.stdout.write(`The damaged store is set aside: ${aside.join(', ')}\n`);
  process.stdout.write(
    `${dir} is as it was at ${new Date(at).toISOString()}, with ${count(runs, 'run')}. ` +
      'Tokens that were ended since are valid again: nixfleet-relay revoke ends them.\n' +
      'What happened since then comes back from the hosts when they connect.\n',
  );
}

export function startAnewCommand(dir: string): void {
  actAsOwner(dir);
  const { aside, kept } = startAnew(dir, Date.now());
  const names = (kind: 'host' | 'operator') =>
    kept
      .filter(owner => owner.kind === kind)
      .map(({ name }) => name)
      .join(', ') || 'none';
  process.stdout.write(
    `The damaged store is set aside: ${aside.join(', ')}\n` +
      `Tokens that are still valid: hosts ${names('host')}; operators ${names('operator')}\n` +
      'Start the relay again. Whoever is missing is enrolled anew; hosts refill the history of their runs.\n',
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
