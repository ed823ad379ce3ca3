// `npm run options`: writes docs/options.md from the modules, as the real Nix of a test host evaluates them.
import { writeFileSync } from 'node:fs';
import { PLACEHOLDER_AGENT } from '../../test/hosts/lab/for-tests.ts';
import { Lab } from '../../test/hosts/lab/lab.ts';
import { bringFiles, OPTIONS, valueOf } from '../../test/nix/evaluate.ts';
import { OPTIONS_FILE, optionsText } from './document.ts';
import type { Options } from './render.ts';

await using lab = await Lab.create({ log: line => console.error(line), agent: PLACEHOLDER_AGENT });
const host = await lab.boot('h1');
bringFiles(host);
writeFileSync(OPTIONS_FILE, await optionsText(await valueOf<Options>(host, OPTIONS)));
console.log(`wrote ${OPTIONS_FILE}`);
