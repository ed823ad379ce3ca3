import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { PROTOCOL } from '../../protocol/index.ts';

/**
 * A stand-in for a relay of a later release, which no longer speaks the protocol of this one: it greets everybody in a
 * newer one and says nothing else.
 */
export async function startNewerRelay(port: number): Promise<AsyncDisposable> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', socket => {
    const welcome = {
      type: 'welcome',
      protocol: PROTOCOL + 1,
      relayVersion: '9.0.0',
      operator: 'ana',
      now: Date.now(),
    };
    socket.on('message', () => socket.send(JSON.stringify(welcome)));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
