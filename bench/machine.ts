import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vscodeRoot } from '../test/vscode/setup.ts';

/** What figures were made on, in one line. */
export function machine(): string {
  const parts = [
    `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    ...vscodeVersion(),
    `load ${load()}`,
    new Date().toISOString().slice(0, 10),
  ];
  return parts.join(', ');
}

/** Processes that run or wait to, on average of the last minute: much more than there are cores, and figures say little. */
export function load(): string {
  return loadavg()[0]?.toFixed(1) ?? 'unknown';
}

function vscodeVersion(): string[] {
  const file = join(vscodeRoot, 'package.json');
  if (!existsSync(file)) return [];
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return [`VS Code ${version}`];
}
