import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseUriRequest } from './uri-request.ts';

const parse = (path: string, query = ''): unknown => parseUriRequest({ path, query });
const RUN = '01K0000000000000000000000A';

describe('a link to NixFleet', () => {
  it('names a relay, a host or a run', () => {
    assert.deepEqual(parse('/connect', 'relay=wss://relay.example.org:7780'), {
      kind: 'connect',
      url: 'wss://relay.example.org:7780',
    });
    assert.deepEqual(parse('/connect', 'relay=wss%3A%2F%2Frelay.example.org%2Fv1%2Foperator'), {
      kind: 'connect',
      url: 'wss://relay.example.org',
    });
    assert.deepEqual(parse('/host/web1'), { kind: 'host', host: 'web1' });
    assert.deepEqual(parse(`/run/${RUN}`), { kind: 'run', runId: RUN });
  });

  it('brings no token', () => {
    for (const query of [
      'relay=wss://relay.example.org&token=x',
      'token=x',
      'relay=wss://ana:x@relay.example.org',
      'relay=wss://relay.example.org&fingerprint=AA',
    ]) {
      assert.deepEqual(parse('/connect', query), { kind: 'refused', why: 'secret' }, query);
    }
  });

  it('leads to no relay that would be spoken to in clear text over the network', () => {
    for (const query of [
      '',
      'relay=',
      'relay=ws://relay.example.org',
      'relay=file:///x',
      'relay=a&relay=b',
      'relay=a b',
    ]) {
      assert.deepEqual(parse('/connect', query), { kind: 'refused', why: 'relay' }, query);
    }
  });

  it('is nothing otherwise', () => {
    for (const [path, query] of [
      ['/', ''],
      ['/connect/x', 'relay=wss://relay.example.org'],
      ['/host/', ''],
      ['/host/a b', ''],
      ['/host/../x', ''],
      ['/host/web1', 'x=1'],
      ['/run/web1', ''],
      ['/update/web1', ''],
    ] as const) {
      assert.deepEqual(parse(path, query), { kind: 'refused', why: 'unknown' }, path);
    }
  });
});
