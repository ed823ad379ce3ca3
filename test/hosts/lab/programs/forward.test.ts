import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'mocha';

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise(resolve => probe.close(resolve));
  return port;
}

describe('The forwarder', () => {
  let folder = '';
  let forwarder: ChildProcess;
  let relay: Server;
  let port = 0;
  const path = () => join(folder, 'relay.sock');
  const dial = () => connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  /** Connects, and gives both ends. */
  const pair = async (): Promise<{ agent: Socket; arrived: Socket }> => {
    const agent = dial();
    const [arrived] = (await once(relay, 'connection')) as [Socket];
    return { agent, arrived };
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'forward-'));
    port = await freePort();
    relay = createServer({ allowHalfOpen: true }).listen(path());
    forwarder = spawn(process.execPath, [join(import.meta.dirname, 'forward.ts'), '127.0.0.1', String(port), path()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(forwarder.stdout!, 'data');
  });
  afterEach(async () => {
    forwarder.kill('SIGKILL');
    await new Promise(resolve => relay.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  it('carries bytes both ways, more of them than fit into any buffer', async () => {
    const { agent, arrived } = await pair();
    const sent = Buffer.alloc(5_000_000, 'abcdefg');
    agent.end(sent);
    assert.ok((await buffer(arrived)).equals(sent));
    arrived.end(sent);
    assert.ok((await buffer(agent)).equals(sent));
  });

  it('passes half a close on and leaves the other half open', async () => {
    const { agent, arrived } = await pair();
    agent.end('question');
    assert.equal((await buffer(arrived)).toString(), 'question');
    arrived.end('answer');
    assert.equal((await buffer(agent)).toString(), 'answer');
  });

  it('breaks the connection when the relay does', async () => {
    const { agent, arrived } = await pair();
    agent.on('error', () => undefined);
    agent.write('hello');
    await once(arrived, 'data');
    arrived.destroy();
    agent.resume();
    await once(agent, 'end');
    agent.end();
    await once(agent, 'close');
  });

  it('breaks the relay’s connection when the agent resets its own', async () => {
    const { agent, arrived } = await pair();
    arrived.resume();
    agent.resetAndDestroy();
    await once(arrived, 'end');
    // a connection that was only half closed would still take this
    arrived.write('anybody there?');
    const [error] = (await once(arrived, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'EPIPE');
  });

  it('resets whoever calls while no relay listens, and serves again when one does', async () => {
    await new Promise(resolve => relay.close(resolve));
    const refused = dial();
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    relay = createServer({ allowHalfOpen: true }).listen(path());
    await once(relay, 'listening');
    const { agent, arrived } = await pair();
    arrived.end('back');
    assert.equal((await buffer(agent)).toString(), 'back');
    agent.end();
  });

  it('resets its connections when it is killed', async () => {
    const { agent, arrived } = await pair();
    const ends = [agent, arrived].map(socket => {
      socket.on('error', () => undefined).resume();
      return once(socket, 'end').catch(() => undefined);
    });
    forwarder.kill('SIGKILL');
    await Promise.all(ends);
    agent.destroy();
    arrived.destroy();
  });
});
