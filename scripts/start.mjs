// npm start [-- --once]: see scripts/start/main.ts
import { runUnderNode24 } from './node24.mjs';

await runUnderNode24('scripts/start/main.ts', process.argv.slice(2));
