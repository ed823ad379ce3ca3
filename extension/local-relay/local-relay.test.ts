// The relay of a machine's windows, as a real process.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { SILENT } from '../base/log.ts';
import { tryRelay } from '../connection/try-relay.ts';
import { LocalRelay, LocalRelayError, type RunningRelay } from './local-relay.ts';
import { NoRuntime } from './runtime.ts';

const BUNDLE = join(import.meta.dirname, '../../relay/main.ts');
const CLIENT = { name: 'test', version: '1' };
const PLACES = { execPath: process.execPath, isElectron: false, env: process.env };

describe('the local relay', function () {
  this.timeout(120_000);
  let folder: string;
  let window: LocalRelay;

  const open = (places = PLACES): LocalRelay => new LocalRelay({ folder, bundle: BUNDLE, places, log: SILENT });
  const state = (): { process?: { pid: number; startTime: string } } =>
    JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as { process?: { pid: number; startTime: string } };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-local-'));
    window = open();
  });
  afterEach(async () => {
    await window.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const greeted = async (relay: RunningRelay): Promise<boolean> => {
    const token = await window.token('operator', 'ana', { replace: true });
    return (await tryRelay({ url: relay.url, token, fingerprint: relay.fingerprint }, CLIENT)).ok;
  };

  it('is one for two windows that start it at once, and lets in whom it gave a token', async () => {
    assert.equal(await window.running(), undefined);
    const [one, two] = await Promise.all([window.start(undefined), open().start(undefined)]);
    assert.deepEqual(one, two);
    assert.equal(one.fingerprint, undefined);
    assert.match(one.url, /^ws:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual(await open().running(), one);
    assert.ok(await greeted(one));
    for (const name of ['state.json', 'relay.log']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  });

  it('outlives the window that started it', async () => {
    const script = `
      const { LocalRelay } = await import(${JSON.stringify(join(import.meta.dirname, 'local-relay.ts'))});
      const log = { info() {} };
      const places = { execPath: process.execPath, isElectron: false, env: process.env };
      await new LocalRelay({ folder: process.argv[1], bundle: ${JSON.stringify(BUNDLE)}, places, log }).start(undefined);
    `;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, folder]);
    const relay = await window.running();
    assert.ok(relay);
    assert.ok(await greeted(relay));
  });

  it('comes back with its address and its people after it was stopped or killed', async () => {
    const first = await window.start(undefined);
    const token = await window.token('operator', 'ana', { replace: false });
    assert.equal(await window.stop(), true);
    assert.equal(await window.stop(), false);
    assert.equal(await window.running(), undefined);
    assert.equal((await tryRelay({ url: first.url, token }, CLIENT)).ok, false);
    assert.equal(await window.revive(first.id), false, 'a person stopped it');
    assert.deepEqual(await window.start(undefined), first);
    process.kill(state().process?.pid ?? 0, 'SIGKILL');
    while (await window.running());
    assert.equal(await window.revive('of another machine'), false);
    assert.deepEqual(await Promise.all([window.revive(first.id), open().revive(first.id)]), [true, true]);
    assert.equal(await window.revive(first.id), false);
    assert.deepEqual(await window.running(), first);
    assert.equal((await tryRelay({ url: first.url, token }, CLIENT)).ok, true);
  });

  it('is not mistaken for another process that has its pid now, which stays alive', async () => {
    await window.start(undefined);
    await window.stop();
    const self = { pid: process.pid, startTime: '1', bootId: 'an earlier one' };
    writeFileSync(join(folder, 'state.json'), JSON.stringify({ ...state(), process: self }));
    assert.equal(await window.running(), undefined);
    assert.equal(await window.stop(), false);
  });

  it('is known by a certificate of its own on an address that others reach', async () => {
    const relay = await window.start('127.0.0.2');
    assert.match(relay.url, /^wss:\/\/127\.0\.0\.2:/);
    assert.match(relay.fingerprint ?? '', /^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/);
    assert.ok(await greeted(relay));
    await window.stop();
    assert.deepEqual(await window.start(undefined), relay, 'also the next time');
    await window.stop();
    assert.match((await window.start('127.0.0.1')).url, /^ws:/, 'until a person chooses otherwise');
  });

  it('takes another port where somebody has the usual one, and says so when it lost its own', async () => {
    const first = await window.start('127.0.0.3');
    await window.stop();
    const port = Number(new URL(first.url).port);
    const other = createServer().listen(port, '127.0.0.3');
    await once(other, 'listening');
    try {
      await assert.rejects(window.start(undefined), (error: Error) => {
        assert.ok(error instanceof LocalRelayError);
        assert.match(error.message, /cannot listen: .*EADDRINUSE/);
        return true;
      });
      assert.equal(await window.running(), undefined);
    } finally {
      other.close();
    }
  });

  it('enrols a host once, and again only when its token may end', async () => {
    await window.start(undefined);
    const token = await window.token('enroll', 'web', { replace: false });
    assert.match(token, /^nixfleet_host_\S{43}$/);
    await assert.rejects(window.token('enroll', 'web', { replace: false }), /web has a token already/);
    assert.notEqual(await window.token('enroll', 'web', { replace: true }), token);
    assert.equal(readFileSync(join(folder, 'relay.log'), 'utf8').includes('nixfleet_host_'), false);
  });

  it('says what was tried when no Node can run it', async () => {
    const old = join(folder, 'old-node');
    writeFileSync(old, '#!/bin/sh\necho "SyntaxError: Unexpected token" >&2\nexit 1\n', { mode: 0o755 });
    const places = { execPath: old, isElectron: true, env: { PATH: folder } };
    await assert.rejects(open(places).start(undefined), (error: Error) => {
      assert.ok(error instanceof NoRuntime);
      assert.deepEqual(error.tried, [`${old}: SyntaxError: Unexpected token`, 'node: not found']);
      return true;
    });
    await assert.doesNotReject(open({ ...PLACES, execPath: old }).start(undefined), 'the node of PATH does');
  });
});
