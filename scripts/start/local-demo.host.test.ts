import assert from 'node:assert/strict';
import { cpSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { before, describe, it } from 'mocha';
import { useLab } from '../../test/hosts/lab/for-tests.ts';
import { OWNER, OWNER_HOME, type TestHost } from '../../test/hosts/lab/host.ts';
import { DIST } from './dist.ts';

/** Where the demo lies on the host, with the folders around it as they are here. */
const PLACE = '/opt/nixfleet';

describe('the demo of local processes', () => {
  const lab = useLab({ hosts: ['laptop'] });
  let laptop: TestHost;

  before(async () => {
    laptop = await lab().boot('laptop');
    const bundle = lab().folder + '/local-once.mjs';
    await build({
      entryPoints: [join(import.meta.dirname, 'testing/local-once.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      logLevel: 'warning',
    });
    const into = (path: string): string => laptop.pathOf(join(PLACE, path));
    cpSync(bundle, into('scripts/start/local-once.mjs'));
    cpSync(join(import.meta.dirname, 'local'), into('scripts/start/local'), { recursive: true });
    for (const file of globSync('{agent,relay}.mjs', { cwd: DIST })) cpSync(join(DIST, file), into(`dist/${file}`));
    await laptop.run(['chmod', '-R', 'a+rX', PLACE]);
  });

  const start = (path = '/usr/local/bin:/usr/bin:/bin') =>
    laptop.exec(['node', `${PLACE}/scripts/start/local-once.mjs`], {
      user: OWNER,
      env: { HOME: OWNER_HOME, PATH: path },
    });

  it("updates a host and neither reads nor changes anything of the person's", async () => {
    // whoever reads one of these fails, or leaves a mark
    const write = (path: string, text: string, mode = 0o644): void =>
      laptop.writeFile(join(OWNER_HOME, path), text, { owner: OWNER, mode });
    write('.config/nix/nix.conf', 'this is no nix.conf\n');
    write('.config/nix/registry.json', 'nor is this a registry\n');
    write('.gitconfig', `[core]\n\thooksPath = ${OWNER_HOME}/hooks\n[commit]\n\tgpgSign = true\n`);
    write('hooks/post-commit', `#!/bin/sh\ntouch ${OWNER_HOME}/a-hook-ran\n`, 0o755);
    laptop.writeFile('/etc/nix/nix.conf', 'nor is this\n');
    const seen = (): Promise<string> =>
      laptop.run(['find', '/home', '/etc', '/nix', '/var/lib', '/root', '/tmp', '-printf', '%p %s %T@\n']);
    const before = await seen();

    const { stdout, stderr, exitCode } = await start();
    assert.equal(exitCode, 0, stdout + stderr);
    assert.match(stdout.trimEnd().split('\n').at(-1) ?? '', /^updated ada: agent 1\.0\.0 → 1\.1\.0 in [\d.]+ s$/);
    const withoutTimeOf = (folder: string) => (text: string) => text.replace(new RegExp(`^${folder} .*$`, 'm'), '');
    assert.equal(withoutTimeOf('/tmp')(await seen()), withoutTimeOf('/tmp')(before));
    assert.equal((await laptop.exec(['ps', '-u', OWNER, '-o', 'args='])).stdout, '');
  });

  it('says what to install where there is no nix', async () => {
    await laptop.sh(
      'mkdir -p /opt/few && ln -sf /usr/local/bin/node /usr/bin/git /usr/bin/ps /usr/bin/chmod /opt/few/',
    );
    const { stderr, exitCode } = await start('/opt/few');
    assert.equal(exitCode, 1);
    assert.match(stderr, /nix is not there\. Install Nix/);
  });
});
