import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { BUNDLES_FILE, bundlesText, findBundles } from './bundles.ts';

describe('nix/bundles.json', () => {
  it('is of these sources', async function () {
    this.timeout(60_000);
    const written = readFileSync(join(import.meta.dirname, '../..', BUNDLES_FILE), 'utf8');
    assert.equal(
      written,
      bundlesText(await findBundles()),
      `${BUNDLES_FILE} is not of these sources, and Nix would refuse what it builds of them: npm run bundles`,
    );
  });
});
