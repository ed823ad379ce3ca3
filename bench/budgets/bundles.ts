import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Budget } from './budget.ts';

const DIST = join(import.meta.dirname, '../../dist');

/** Sizes of the bundles in dist/, which were built with --minify. KB are 1,000 bytes. */
export function bundleBudgets(): Budget[] {
  const [style, server, client] = ['webview.css', 'language-server.cjs', 'language-client.cjs'].map(kilobytes);
  return [
    {
      what: 'main bundle, minified',
      measured: kilobytes('extension.cjs'),
      atMost: 300,
      unit: 'KB',
      note: `files of their own: nixcfg ${kilobytes('nixcfg.cjs').toFixed(0)}, language client ${client?.toFixed(0)}, server ${server?.toFixed(0)} KB`,
    },
    {
      what: 'webview bundle, minified',
      measured: kilobytes('webview.js'),
      atMost: 200,
      unit: 'KB',
      note: `and ${style?.toFixed(0)} KB of style`,
    },
  ];
}

function kilobytes(file: string): number {
  return statSync(join(DIST, file)).size / 1000;
}
