// node scripts/with-node24.mjs FILE ARGS…: runs FILE (below the project's root) under Node 24.
import { runUnderNode24 } from './node24.mjs';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node scripts/with-node24.mjs FILE ARGS…');
  process.exit(1);
}
await runUnderNode24(file, args);
