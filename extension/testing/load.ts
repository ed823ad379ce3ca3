/**
 * Loads the extension in plain Node, with `fake-vscode.ts` for VS Code, and sources for the bundles that it loads later.
 * Only for tests.
 */
import { registerHooks } from 'node:module';
import type * as fake from './fake-vscode.ts';
import type * as extension from '../extension.ts';

/** A global that the bundler fills in. */
const globals = globalThis as { __NIXFLEET_VERSION__?: string };

export interface Loaded {
  readonly vscode: typeof fake;
  readonly extension: typeof extension;
  /** Ends the standing in: `vscode` and bundles are found no more. */
  readonly unload: () => void;
}

export async function loadExtension(): Promise<Loaded> {
  globals.__NIXFLEET_VERSION__ ??= '0.0.0';
  const at = (path: string): string => new URL(path, import.meta.url).href;
  const standIns = new Map([
    ['vscode', at('fake-vscode.ts')],
    ['/extension/dist/first-run.cjs', at('../first-run/features.ts')],
  ]);
  const hooks = registerHooks({
    resolve: (name, context, next) => {
      const url = standIns.get(name);
      return url === undefined ? next(name, context) : { url, shortCircuit: true };
    },
  });
  const unload = (): void => hooks.deregister();
  try {
    return { vscode: await import('./fake-vscode.ts'), extension: await import('../extension.ts'), unload };
  } catch (error) {
    unload();
    throw error;
  }
}
