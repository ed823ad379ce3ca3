import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { PROTOCOL } from '../../protocol/index.ts';
import { Harness } from '../testing/harness.ts';
import { AGENT, TestAgent } from '../testing/test-agent.ts';
import { TestOperator } from '../testing/test-operator.ts';
import { until } from '../testing/wait.ts';

describe('the door of the relay', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.start({ origins: ['https://fleet.example.org'], timings: { hello: 200 } });
  });
  afterEach(() => harness[Symbol.asyncDispose]());

  const tryAs = async (kind: 'agent' | 'operator', token?: string, headers: Record<string, string> = {}) => {
    const options = { relay: harness.url, headers, ...(token !== undefined && { token }) };
    const peer = kind === 'agent' ? TestAgent.open(options) : TestOperator.open(options);
    const status = await peer.status();
    peer.cut();
    return status;
  };

  it('lets in who has a token of the right kind', async () => {
    const host = await harness.token('host', 'web');
    const operator = await harness.token('operator', 'ana');
    assert.equal(await tryAs('agent', host), 101);
    assert.equal(await tryAs('operator', operator), 101);
    assert.equal(await tryAs('agent', operator), 401);
    assert.equal(await tryAs('operator', host), 401);
  });

  it('turns away who has none', async () => {
    const token = await harness.token('host', 'web');
    assert.equal(await tryAs('agent'), 401);
    assert.equal(await tryAs('agent', `${token}x`), 401);
    assert.equal(await tryAs('agent', token.slice(0, -1)), 401);
    assert.equal(await tryAs('agent', undefined, { authorization: `Basic ${token}` }), 401);
    await harness.relay.revoke({ kind: 'host', name: 'web' });
    assert.equal(await tryAs('agent', token), 401);
  });

  it('turns away web pages, except those that were named', async () => {
    const token = await harness.token('operator', 'ana');
    assert.equal(await tryAs('operator', token, { origin: 'https://evil.example.org' }), 403);
    assert.equal(await tryAs('operator', token, { origin: 'https://fleet.example.org.evil.example' }), 403);
    assert.equal(await tryAs('operator', token, { origin: 'null' }), 403);
    assert.equal(await tryAs('operator', token, { origin: 'https://fleet.example.org' }), 101);
  });

  it('knows its paths', async () => {
    const http = harness.url.replace('ws:', 'http:');
    assert.equal((await fetch(`${http}/v1/nothing`)).status, 404);
    assert.equal((await fetch(`${http}/healthz`, { method: 'POST' })).status, 405);
    const health = await fetch(`${http}/healthz?from=here`);
    assert.equal(health.status, 200);
    assert.equal(((await health.json()) as { status: string }).status, 'ok');
    const page = await (await fetch(`${http}/metrics`)).text();
    assert.match(page, /^nixfleet_relay_hosts\{state="offline"\} 0$/m);
  });

  it('counts who was turned away, and never tells a token', async () => {
    const token = await harness.token('host', 'web');
    await tryAs('operator', token);
    const page = await (await fetch(`${harness.url.replace('ws:', 'http:')}/metrics`)).text();
    assert.match(page, /auth_failures_total\{reason="token"\} 1/);
    assert.equal(page.includes(token), false);
    assert.equal(page.includes('web'), false, 'nor the name of a host');
  });

  it('waits for a hello, and not for ever', async () => {
    const peer = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web') });
    await peer.hear('error', ({ kind }) => kind === 'no-hello');
    assert.equal((await peer.closed()).code, 4408);
  });

  it('sends away a host that says it is another', async () => {
    await harness.token('host', 'db');
    const peer = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web') });
    await peer.status();
    peer.say({ type: 'hello', protocol: PROTOCOL, host: 'db', agent: AGENT });
    const error = await peer.hear('error');
    assert.equal(error.kind, 'other-host');
    assert.match(error.message, /web.*db/);
    assert.equal((await peer.closed()).code, 4403);
    const operator = await harness.operator();
    assert.equal(operator.hosts.get('db')?.online, false);
  });

  it('tells an operator that is too old to come back newer', async () => {
    const peer = TestOperator.open({ relay: harness.url, token: await harness.token('operator', 'ana') });
    await peer.status();
    peer.say({ type: 'hello', protocol: 0, client: { name: 'NixFleet', version: '0.0.1' } });
    assert.match((await peer.hear('error')).message, /Update NixFleet/);
    assert.equal((await peer.closed()).code, 4426);
  });

  it('speaks the older of two protocols', async () => {
    const peer = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web') });
    await peer.status();
    peer.say({ type: 'hello', protocol: 99, host: 'web', agent: AGENT });
    assert.equal((await peer.hear('welcome')).protocol, PROTOCOL);
    peer.cut();
  });

  it('hangs up on whoever’s token is revoked, within a second or two, also from the command line', async () => {
    const agent = await harness.agent('web');
    const operator = await harness.operator();
    await harness.relay.revoke({ kind: 'host', name: 'web' });
    assert.equal((await agent.closed()).code, 4401);
    await until('the fleet without it', () => !operator.hosts.has('web'));
    await harness.relay.enroll({ kind: 'operator', name: 'ana' }, { replace: true });
    assert.equal((await operator.closed()).code, 4401);
  });
});
