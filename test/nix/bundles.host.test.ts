import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { before, describe, it } from 'mocha';
import { narHash } from '../../scripts/bundles/nar.ts';
import { useSharedHost } from '../hosts/lab/for-tests.ts';
import type { ExecResult } from '../hosts/lab/exec.ts';
import type { TestHost } from '../hosts/lab/host.ts';
import { bringFiles } from './evaluate.ts';

const PROJECT = join(import.meta.dirname, '../..');
const FOLDER = '/srv/bundles';
const PORT = 4873;

// what the derivation makes is not the project's, so that it is made within a second; how it is made is
const BUILD = `
import { mkdirSync, writeFileSync } from 'node:fs';
const [, outdir] = /--outdir=(.*)/.exec(process.argv.join(' '));
mkdirSync(outdir);
writeFileSync(outdir + '/agent.mjs', 'an agent');
`;

describe('The derivation of the bundles', function () {
  this.timeout(60_000);
  const shared = useSharedHost();
  let host: TestHost;
  let certificate = '';
  let hash = '';

  before(async () => {
    const { lab } = shared();
    ({ host } = shared());
    bringFiles(host);
    const [key, pem] = [join(lab.folder, 'registry.key'), join(lab.folder, 'registry.pem')];
    await execa('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
      ...['-subj', '/CN=registry', '-addext', `subjectAltName=IP:${lab.address}`, '-keyout', key, '-out', pem],
    ]);
    certificate = readFileSync(pem, 'utf8');
    const server = ['openssl', 's_server', '-accept', `${lab.address}:${PORT}`, '-key', key, '-cert', pem, '-www'];
    await lab.serve('registry', server, /ACCEPT/);

    host.writeFile(`${FOLDER}/esbuild.mjs`, BUILD);
    for (const name of ['package.json', 'package-lock.json', 'tsconfig.json'])
      host.writeFile(`${FOLDER}/${name}`, '{}');
    for (const part of ['protocol', 'flake-lock', 'agent', 'relay', 'extension', 'webview'])
      host.writeFile(`${FOLDER}/${part}/index.ts`, '');
    host.copyIn(join(PROJECT, 'nix/bundles.nix'), `${FOLDER}/nix/bundles.nix`);
    // npm with Node's ways to find certificates, and with OpenSSL's, which the Node of nixpkgs goes by
    host.writeFile(
      `${FOLDER}/bin/npm`,
      `#!/bin/sh
       curl --fail --silent --show-error https://${lab.address}:${PORT}/ > /dev/null &&
       exec node -e 'fetch("https://${lab.address}:${PORT}/").then(answer => answer.text(), error => { throw error.cause; })'`,
      { mode: 0o755 },
    );
    hash = hashOfOutput();
  });

  function hashOfOutput(): string {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-output-'));
    writeFileSync(join(folder, 'agent.mjs'), 'an agent');
    const hash = narHash(folder);
    rmSync(folder, { recursive: true });
    return hash;
  }

  /**
   * @param version another for each build, since nix does not make again what it has made
   * @param cacert the package of that name
   */
  function build(version: string, cacert: string, env: Readonly<Record<string, string>> = {}): Promise<ExecResult> {
    host.writeFile(`${FOLDER}/nix/bundles.json`, JSON.stringify({ version, protocol: 1, hash }));
    const expression = `with import /root/nixfleet/test/nix/evaluate.nix;
      pkgs.callPackage ${FOLDER}/nix/bundles.nix { nodejs_24 = "${FOLDER}"; cacert = "${cacert}"; }`;
    return host.exec(['nix', 'build', '--impure', '--no-link', '--print-build-logs', '--expr', expression], { env });
  }

  it('fetches with the certificates of nixpkgs, since stdenv hides those of the machine', async () => {
    host.writeFile(`${FOLDER}/nixpkgs/etc/ssl/certs/ca-bundle.crt`, certificate);
    const { exitCode, stderr } = await build('1', `${FOLDER}/nixpkgs`);
    assert.equal(exitCode, 0, stderr);
  });

  it('fetches with the certificates of whoever is behind a proxy that has its own', async () => {
    host.writeFile(`${FOLDER}/empty/etc/ssl/certs/ca-bundle.crt`, '');
    host.writeFile(`${FOLDER}/proxy.pem`, certificate);
    // by root's own nix and not the daemon, which has an environment of its own
    const env = { NIX_REMOTE: 'local', NIX_SSL_CERT_FILE: `${FOLDER}/proxy.pem` };
    const { exitCode, stderr } = await build('2', `${FOLDER}/empty`, env);
    assert.equal(exitCode, 0, stderr);
  });
});
