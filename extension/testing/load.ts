/** Loads the extension in plain Node, with `fake-vscode.ts` for VS Code. Only for tests. */
import { registerHooks } from 'node:module';
import type * as fake from './fake-vscode.ts';
import type * as extension from '../extension.ts';

/** A global that the bundler fills in. */
const globals = globalThis as { __NIXFLEET_VERSION__?: string };

export async function loadExtension(): Promise<{ vscode: typeof fake; extension: typeof extension }> {
  globals.__NIXFLEET_VERSION__ ??= '0.0.0';
  const url = new URL('fake-vscode.ts', import.meta.url).href;
  const hooks = registerHooks({
    resolve: (name, context, next) => (name === 'vscode' ? { url, shortCircuit: true } : next(name, context)),
  });
  try {
    return { vscode: await import('./fake-vscode.ts'), extension: await import('../extension.ts') };
  } finally {
    hooks.deregister();
  }
}
