// An esbuild plugin: leaves out of a bundle what packages carry along and NixFleet never calls. Each part throws when it
// is called all the same, so that a test meets it.
import { readFileSync } from 'node:fs';

const LEFT_OUT = 'left out of this bundle: see scripts/build/unused-parts.mjs';

/** Parts of packages, by the end of their path. */
const PARTS = [
  // schemas as JSON schemas, which every schema of zod has a method for
  /zod\/v4\/core\/(?:to-json-schema|json-schema-processors)\.js$/,
];

/** @type {import('esbuild').Plugin} */
export const unusedParts = {
  name: 'unused-parts',
  setup(build) {
    for (const filter of PARTS) {
      build.onLoad({ filter }, ({ path }) => ({ contents: without(readFileSync(path, 'utf8')), loader: 'js' }));
    }
    // the server of ws and its streams; the extension is a client, and the package's exports name no smaller part
    build.onResolve({ filter: /^\.\/lib\/(?:websocket-server|stream)\.js$/ }, ({ importer }) =>
      /\/ws\/wrapper\.mjs$/.test(importer.replaceAll('\\', '/'))
        ? { path: 'ws', namespace: 'unused-parts' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused-parts' }, () => ({
      contents: 'export default undefined;',
      loader: 'js',
    }));
    // compression, which no connection of NixFleet offers; ws asks for its name all the same
    build.onLoad({ filter: /[\\/]ws[\\/]lib[\\/]permessage-deflate\.js$/ }, () => ({
      contents: `module.exports = class {
        static extensionName = 'permessage-deflate';
        constructor() { throw new Error('${LEFT_OUT}'); }
      };`,
      loader: 'js',
    }));
  },
};

/** The same names of a module, without what is behind them. */
function without(source) {
  const names = [...source.matchAll(/^export (?:const|let|function|class) (\w+)/gm)].map(match => match[1]);
  const aliases = [...source.matchAll(/^export \{ \w+ as (\w+) \};/gm)].map(match => match[1]);
  return [
    `const unused = () => { throw new Error('${LEFT_OUT}'); };`,
    ...[...names, ...aliases].map(name => `export { unused as ${name} };`),
  ].join('\n');
}
