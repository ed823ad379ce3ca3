// `npm run bundles`: writes nix/bundles.json, so that Nix accepts what it builds from the sources as they are now.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUNDLES_FILE, bundlesText, findBundles } from './bundles.ts';

const bundles = await findBundles();
writeFileSync(join(import.meta.dirname, '../..', BUNDLES_FILE), bundlesText(bundles));
console.log(`${BUNDLES_FILE}: ${bundles.version}, ${bundles.hash}`);
