// What the extension asks of nix in a checkout of nixcfg, and reads in its errors, with the Nix of a real host.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'mocha';
import { parseFlakeLock, findInput } from '../../flake-lock/index.ts';
import { HOST_KINDS, readFlake } from '../../flake-nix/index.ts';
import { locate, parseNixErrors, relativeCandidate } from '../../extension/nixcfg/nix-errors.ts';
import {
  isMissingOutput,
  isUnknownDot,
  namesCommand,
  parseNames,
  parseNixVersion,
  updateInputCommand,
} from '../../extension/nixcfg/nix.ts';
import type { ExecResult } from '../hosts/lab/exec.ts';
import { PLACEHOLDER_AGENT, useLab } from '../hosts/lab/for-tests.ts';
import { OWNER, type TestHost } from '../hosts/lab/host.ts';

describe('nix in the workspace of nixcfg', function () {
  this.timeout(120_000);
  const lab = useLab({ agent: PLACEHOLDER_AGENT });
  let host: TestHost;

  before(async () => {
    host = await lab().boot('h1');
    await host.provision({ version: '1.0.0' });
  });

  const nix = (...args: readonly string[]): Promise<ExecResult> =>
    host.exec(['nix', ...args], { user: OWNER, cwd: host.flake });

  it('says which hosts there are: those that the text shows', async () => {
    const named: string[] = [];
    for (const kind of HOST_KINDS) {
      let result = await nix(...namesCommand(kind));
      if (isUnknownDot(result.stderr, kind)) result = await nix(...namesCommand(kind, false));
      const names = parseNames(result.stdout);
      if (names) named.push(...names.map(name => `${kind} ${name}`));
      else assert.ok(isMissingOutput(result.stderr), result.stderr);
    }
    assert.ok(named.includes('nixosConfigurations h1'), named.join());
    const { hosts } = readFlake(host.readFile(join(host.flake, 'flake.nix')));
    const shown = hosts.map(({ kind, name }) => `${kind} ${name}`);
    assert.deepEqual(shown.sort(), named.sort());
  });

  it('finds the newest revision of the input, and leaves the lock of the checkout as it is', async () => {
    await lab().nixfleet.publish('1.1.0');
    const lock = join(host.flake, 'flake.lock');
    const before = host.readFile(lock);
    const version = parseNixVersion((await nix('--version')).stdout);
    assert.ok(version);
    const { exitCode, stderr } = await nix(...updateInputCommand(version, 'nixfleet', '/tmp/new.lock'));
    assert.equal(exitCode, 0, stderr);
    assert.equal(host.readFile(lock), before);
    const parsed = parseFlakeLock(host.readFile('/tmp/new.lock'));
    const rev = parsed.ok ? findInput(parsed.lock, ['nixfleet'])?.locked?.rev : undefined;
    assert.equal(rev, lab().nixfleet.revOf('1.1.0'));
  });

  it('prints errors whose file and line are found in the workspace', async () => {
    const file = join(host.flake, 'hosts/h1.nix');
    const text = host.readFile(file).replace(/(hostPlatform = )"[^"]+"/, '$1lib.undefinedThing');
    const lines = text.split('\n');
    const row = lines.findIndex(line => line.includes('lib.undefinedThing'));
    const column = (lines[row] ?? '').indexOf('lib.undefinedThing') + 1;
    await host.sh('printf %s "$2" > "$1"', { user: OWNER }, [file, text]);
    const { stderr } = await nix('build', '--no-link', '.#nixosConfigurations.h1.config.system.build.toplevel');
    const [error] = parseNixErrors(stderr.split('\n'));
    assert.equal(error?.message, "attribute 'undefinedThing' missing", stderr);
    const [place] = error.places;
    assert.ok(place, stderr);
    assert.equal(relativeCandidate(place.file, host.checkout), 'hosts/h1.nix');
    assert.deepEqual(locate(place, text), { line: row + 1, column });
    assert.deepEqual(locate(place, `# a line more than on the host\n${text}`), { line: row + 2, column });
  });
});
