import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Harness } from '../testing/harness.ts';
import { AGENT, TestAgent } from '../testing/test-agent.ts';
import { until } from '../testing/wait.ts';

describe('a link', () => {
  let harness: Harness;
  beforeEach(async () => (harness = await Harness.start({ timings: { heartbeat: 20, closing: 50 } })));
  afterEach(() => harness[Symbol.asyncDispose]());

  it('lives as long as the peer answers pings', async () => {
    const agent = await harness.agent('web');
    let pings = 0;
    agent.socket.on('ping', () => pings++);
    await until('many heartbeats', () => pings > 10);
    assert.equal(agent.ending, undefined);
  });

  it('is dropped when the other end is dead, and its host is offline', async () => {
    const ana = await harness.operator();
    const agent = TestAgent.open({ relay: harness.url, token: await harness.token('host', 'web'), autoPong: false });
    await agent.status();
    agent.say({ type: 'hello', protocol: 1, host: 'web', agent: AGENT });
    await until('that it is online', () => ana.hosts.get('web')?.online);
    agent.socket.pause();
    await until('that it is gone', () => ana.hosts.get('web')?.online === false);
    agent.cut();
  });

  it('ends although the peer does not answer the close', async () => {
    await using patient = await Harness.start({ timings: { heartbeat: 60_000, closing: 50 } });
    const agent = await patient.agent('web');
    agent.socket.pause();
    await patient.relay.close();
    agent.cut();
  });

  it('is closed in order when the relay goes down', async () => {
    const agent = await harness.agent('web');
    const ana = await harness.operator();
    await harness.relay.close();
    assert.equal((await agent.closed()).code, 1000);
    assert.equal((await ana.closed()).code, 1000);
  });

  it('is nobody’s when the HTTP request never ends', async () => {
    const { hostname, port } = new URL(harness.url);
    const socket = createConnection(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write('GET /v1/agent HTTP/1.1\r\nHost: x\r\n');
    await once(socket, 'connect');
    await harness.relay.close();
    await until('the end', () => socket.destroyed || socket.readableEnded || socket.closed);
  });
});
