import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { Emitter } from '../base/event.ts';
import { SILENT } from '../base/log.ts';
import { Relays, type RelayEnvironment, type Secrets } from './relays.ts';

/** A keyring; the windows of one person share it. */
class Keyring implements Secrets {
  readonly values = new Map<string, string>();
  readonly changed = new Emitter<{ key: string }>();
  readonly onDidChange = this.changed.event;
  broken = false;

  get(key: string): Promise<string | undefined> {
    return this.broken ? Promise.reject(new Error('no keyring')) : Promise.resolve(this.values.get(key));
  }

  store(key: string, value: string): Promise<void> {
    if (this.broken) return Promise.reject(new Error('no keyring'));
    this.values.set(key, value);
    this.changed.fire({ key });
    return Promise.resolve();
  }
}

const TARGET = { url: 'wss://relay.example.org', token: 'secret' };

async function open(keyring: Keyring, environment: RelayEnvironment = {}): Promise<Relays> {
  const relays = new Relays(keyring, environment, SILENT);
  await relays.load();
  return relays;
}

describe('what is remembered of the relay', () => {
  it('is not known before it was looked up, and nothing at first', async () => {
    const relays = new Relays(new Keyring(), {}, SILENT);
    assert.equal(relays.configured, 'unknown');
    let changes = 0;
    relays.onDidChange(() => (changes += 1));
    await relays.load();
    assert.equal(relays.configured, 'nothing');
    assert.equal(changes, 1);
    await relays.load();
    assert.equal(changes, 1, 'nothing new was read');
  });

  it('is there again after a reload', async () => {
    const keyring = new Keyring();
    await (await open(keyring)).signIn(TARGET);
    const relays = await open(keyring);
    assert.equal(relays.configured, 'relay-and-token');
    assert.deepEqual(relays.target, TARGET);
    const local = { ...TARGET, fingerprint: 'AA:BB', local: 'id' };
    await relays.signIn(local);
    assert.deepEqual((await open(keyring)).target, local);
  });

  it('loses its token, and keeps its URL, on signing out', async () => {
    const keyring = new Keyring();
    const relays = await open(keyring);
    await relays.signIn(TARGET);
    await relays.signOut();
    for (const seen of [relays, await open(keyring)]) {
      assert.equal(seen.configured, 'relay');
      assert.equal(seen.target, undefined);
      assert.equal(seen.url, TARGET.url);
    }
    assert.ok(![...keyring.values.values()].some(value => value.includes('secret')));
  });

  it('changes in every window at once', async () => {
    const keyring = new Keyring();
    const [here, there] = await Promise.all([open(keyring), open(keyring)]);
    const heard = new Promise<void>(resolve => there.onDidChange(resolve));
    await here.signIn(TARGET);
    await heard;
    assert.deepEqual(there.target, TARGET);
  });

  it('is used without a keyring too, and that is said', async () => {
    const keyring = new Keyring();
    keyring.broken = true;
    const relays = await open(keyring);
    assert.equal(relays.configured, 'nothing');
    await assert.rejects(relays.signIn(TARGET), /no keyring/);
    assert.deepEqual(relays.target, TARGET);
  });

  it('is nothing when it cannot be understood', async () => {
    for (const nonsense of ['', '{', '[]', '{"url":5}', '{"url":"nowhere","token":"x"}']) {
      const keyring = new Keyring();
      keyring.values.set('nixfleet.relay', nonsense);
      assert.equal((await open(keyring)).configured, 'nothing');
    }
  });

  it('gives way to the environment, whose token is in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-'));
    const file = join(folder, 'token');
    writeFileSync(file, 'from-file\n');
    const keyring = new Keyring();
    await (await open(keyring)).signIn(TARGET);
    const environment = { NIXFLEET_RELAY_URL: 'ws://127.0.0.1:7780', NIXFLEET_RELAY_TOKEN_FILE: file };
    assert.deepEqual((await open(keyring, environment)).target, { url: 'ws://127.0.0.1:7780', token: 'from-file' });
    const left = await open(keyring, environment);
    await left.signOut();
    await left.load();
    assert.equal(left.configured, 'relay', 'until the person says otherwise');
    await left.signIn(TARGET);
    await left.load();
    assert.deepEqual(left.target, TARGET);
    rmSync(folder, { recursive: true });
    assert.deepEqual((await open(keyring, environment)).target, TARGET, 'the file is gone');
  });
});
