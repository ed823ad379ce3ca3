// The one build: extension (CJS for VS Code), webview (IIFE for the panel), agent and relay (one ESM file each for Node 24).
// `node esbuild.mjs [--watch] [--minify] [--outdir=FOLDER]` writes dist/, or FOLDER. With `--release` the result hangs on the
// sources and the lock file alone, so that everybody who builds them gets the same bytes (nix/bundles.nix): minified, and
// the version's tag where the commit would be. The package around it knows the commit.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as esbuild from 'esbuild';
import { unusedParts } from './scripts/build/unused-parts.mjs';

const flags = new Set(process.argv.slice(2));
const watch = flags.has('--watch');
const release = flags.has('--release');
const minify = release || flags.has('--minify');
const outdir = process.argv.find(flag => flag.startsWith('--outdir='))?.slice('--outdir='.length) ?? 'dist';
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

/** The commit this is built from, marked when the tree differs from it; undefined outside a git checkout. */
function revision() {
  try {
    const git = (...args) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '-dirty');
  } catch {
    return undefined;
  }
}

/** @type {esbuild.BuildOptions} */
const common = {
  bundle: true,
  minify,
  sourcemap: minify ? false : 'linked',
  define: {
    __NIXFLEET_VERSION__: JSON.stringify(version),
    __NIXFLEET_REV__: JSON.stringify(release ? `v${version}` : (process.env.NIXFLEET_REV ?? revision() ?? 'unknown')),
  },
  logLevel: 'warning',
  absWorkingDir: import.meta.dirname,
};

/** A program for Node 24 in one ES module. Bundled CommonJS packages get a `require` of their own. @type {esbuild.BuildOptions} */
const program = {
  ...common,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

/** @type {esbuild.BuildOptions[]} */
const builds = [
  {
    ...common,
    // each loads the next when it is needed: what is for nixcfg when there is one, what is for the first run when it is asked for, the server in a process of its own
    entryPoints: {
      extension: 'extension/extension.ts',
      nixcfg: 'extension/nixcfg/features.ts',
      'first-run': 'extension/first-run/features.ts',
      'language-client': 'extension/language-client/main.ts',
      'language-server': 'extension/language-server/main.ts',
    },
    outdir,
    outExtension: { '.js': '.cjs' },
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    external: ['vscode'],
    plugins: [unusedParts],
    // VS Code warns of extensions that look at it, and zod looks for Cloudflare's
    define: { ...common.define, navigator: 'undefined' },
  },
  {
    ...common,
    entryPoints: { webview: 'webview/main.ts' },
    outdir,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
  },
  { ...program, entryPoints: { agent: 'agent/main.ts' }, outdir, outExtension: { '.js': '.mjs' } },
  { ...program, entryPoints: { relay: 'relay/main.ts' }, outdir, outExtension: { '.js': '.mjs' } },
];

if (watch) {
  for (const options of builds) await (await esbuild.context(options)).watch();
  console.log('watching; Ctrl-C ends');
} else {
  await Promise.all(builds.map(options => esbuild.build(options)));
}
