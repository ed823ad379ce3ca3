import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { pathToFileURL } from 'node:url';
import { findIdentity } from './identity.ts';
import { TemporaryFolder } from './testing/temporary.ts';

/** A package as nix builds it: lib/agent.mjs, share/nixfleet/agent.json and perhaps bin/nixfleet-agent. */
function makePackage(folder: TemporaryFolder, withBin: boolean): { main: string; manifest: object } {
  for (const part of ['bin', 'lib', 'share/nixfleet']) mkdirSync(folder.join(part), { recursive: true });
  writeFileSync(folder.join('lib/agent.mjs'), '');
  if (withBin) writeFileSync(folder.join('bin/nixfleet-agent'), '');
  const manifest = { format: 1, storePath: folder.path, version: '2.4.0', rev: 'f'.repeat(40), protocol: 1 };
  writeFileSync(folder.join('share/nixfleet/agent.json'), JSON.stringify(manifest));
  return { main: pathToFileURL(folder.join('lib/agent.mjs')).href, manifest };
}

describe('who an agent is', () => {
  it('stands in the manifest of its package', () => {
    using folder = new TemporaryFolder();
    const { main, manifest } = makePackage(folder, true);
    const identity = findIdentity(main, {});
    assert.equal(identity.version, '2.4.0');
    assert.deepEqual(identity.manifest, manifest);
    assert.deepEqual(identity.program, [folder.join('bin/nixfleet-agent')]);
  });

  it('is that of the package it really lies in, when it was started through links', () => {
    using folder = new TemporaryFolder();
    using profile = new TemporaryFolder();
    const { manifest } = makePackage(folder, false);
    symlinkSync(folder.join('lib'), profile.join('lib'));
    const identity = findIdentity(pathToFileURL(profile.join('lib/agent.mjs')).href, {});
    assert.deepEqual(identity.manifest, manifest);
    assert.deepEqual(identity.program, [process.execPath, folder.join('lib/agent.mjs')]);
  });

  it('may stand elsewhere', () => {
    using folder = new TemporaryFolder();
    makePackage(folder, true);
    const identity = findIdentity(import.meta.url, {
      NIXFLEET_AGENT_MANIFEST: folder.join('share/nixfleet/agent.json'),
    });
    assert.equal(identity.version, '2.4.0');
  });

  it('has no store path without a package, and says when a manifest cannot be used', () => {
    const source = findIdentity(import.meta.url, {});
    assert.equal(source.manifest, undefined);
    assert.match(source.version, /^\d+\.\d+\.\d+/);
    using folder = new TemporaryFolder();
    const { main } = makePackage(folder, true);
    writeFileSync(folder.join('share/nixfleet/agent.json'), '{"format":1}');
    const broken = findIdentity(main, {});
    assert.equal(broken.manifest, undefined);
    assert.match(broken.problem ?? '', /agent\.json: .*storePath/);
  });
});
