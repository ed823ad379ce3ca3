// npm test [PART] [PATHS…]: see scripts/test/main.ts
import { runUnderNode24 } from './node24.mjs';

await runUnderNode24('scripts/test/main.ts', process.argv.slice(2));
