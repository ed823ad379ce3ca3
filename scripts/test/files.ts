import { globSync } from 'node:fs';
import { join } from 'node:path';

/** The project's root folder. */
export const root = join(import.meta.dirname, '../..');

const ROOMS = 'protocol flake-lock flake-nix agent relay extension webview scripts test bench'.split(' ');

export type TestKind = 'unit' | 'host' | 'ui' | 'suite';

/**
 * The test files of a kind, relative to the root, sorted. The kind is in the name: `x.host.test.ts` boots hosts,
 * `x.ui.test.ts` drives VS Code's window, `x.suite.ts` in test/vscode runs inside its extension host; any other `x.test.ts`
 * is a unit test.
 */
export function testFiles(kind: TestKind, only: readonly string[]): string[] {
  return ROOMS.flatMap(room => globSync(`${room}/**/*.ts`, { cwd: root, exclude: ['**/node_modules'] }))
    .filter(file => kindOf(file) === kind)
    .filter(file => only.length === 0 || only.some(part => file.includes(part.replace(/^\.\//, ''))))
    .sort();
}

export function kindOf(file: string): TestKind | undefined {
  if (file.endsWith('.suite.ts')) return file.startsWith('test/vscode/') ? 'suite' : undefined;
  if (!file.endsWith('.test.ts')) return undefined;
  if (file.endsWith('.host.test.ts')) return 'host';
  return file.endsWith('.ui.test.ts') ? 'ui' : 'unit';
}
