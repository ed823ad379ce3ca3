import { statSync } from 'node:fs';

/** Goes on as the owner of a data folder: what root makes in the folder of a service would be closed to the service. */
export function actAsOwner(dir: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(dir, { throwIfNoEntry: false });
  if (!owner || owner.uid === 0) return;
  process.setgroups?.([]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
