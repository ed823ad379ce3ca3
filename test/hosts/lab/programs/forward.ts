// Listens in the lab's network and carries every connection to a unix socket outside of it, byte for byte, with its ends:
// half a close is half a close on the other side, a break is a break.
// Usage: forward.ts ADDRESS PORT SOCKET
import { connect, createServer, type Socket } from 'node:net';

const [address, port, path] = process.argv.slice(2);
if (address === undefined || port === undefined || path === undefined)
  throw new Error('usage: forward.ts ADDRESS PORT SOCKET');

function carry(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => abort(to));
  // closed without an end: the process behind it was killed
  from.on('close', () => {
    if (!from.readableEnded) abort(to);
  });
}

/** TCP tells the other side with a reset; a unix socket has no such word and is closed. */
function abort(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, outside => {
  const inside = connect({ path, allowHalfOpen: true });
  carry(outside, inside);
  carry(inside, outside);
});
server.listen(Number(port), address, () => console.log('forwarding'));
