import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { OPTIONS_FILE, optionsText } from '../../scripts/options/document.ts';
import type { Option, Options } from '../../scripts/options/render.ts';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import { bringFiles, OPTIONS, valueOf } from './evaluate.ts';

describe('The options of the modules', function () {
  this.timeout(120_000);
  const shared = useSharedHost();

  it('are described, each, with an example, and docs/options.md says the same', async () => {
    const { host } = shared();
    bringFiles(host);
    const options = await valueOf<Options>(host, OPTIONS);
    const all: Option[] = [...Object.values(options.agent).flat(), ...options.relay.nixos];
    for (const { name, description, example } of all) {
      assert.match(description, /\S.*\.\s*$/s, name);
      assert.ok(example !== undefined, `${name} has an example`);
    }
    const document = readFileSync(OPTIONS_FILE, 'utf8');
    for (const { name } of all) assert.ok(document.includes(`### \`${name}\``), name);
    // a nixpkgs may word its types in another way
    if (process.env['NIXFLEET_TEST_NIXPKGS_LIB'] === undefined)
      assert.equal(document, await optionsText(options), 'npm run options writes it anew');
  });
});
