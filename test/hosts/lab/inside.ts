import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The path, as seen from outside, of what `path` names inside of `root`: symbolic links are followed as the host follows
 * them, so that an absolute one (/run/current-system) stays inside. What does not exist is kept as it is written.
 */
export function inside(root: string, path: string): string {
  const rest = path.split('/').reverse();
  const walked: string[] = [];
  for (let links = 0; rest.length > 0;) {
    const name = rest.pop();
    if (name === undefined || name === '' || name === '.') continue;
    if (name === '..') {
      walked.pop();
      continue;
    }
    const target = linkTarget(join(root, ...walked, name));
    if (target === undefined) walked.push(name);
    else {
      if (++links > 40) throw new Error(`${path}: too many levels of symbolic links`);
      if (target.startsWith('/')) walked.length = 0;
      rest.push(...target.split('/').reverse());
    }
  }
  return join(root, ...walked);
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}
