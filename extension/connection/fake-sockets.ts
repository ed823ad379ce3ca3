import type { OperatorMessage } from '../../protocol/index.ts';
import type { openRelaySocket, RelayTarget, SocketHandlers } from './relay-socket.ts';

/** Sockets that a test holds by the other end. Only for tests. */
export class FakeSockets {
  readonly opened: (SocketHandlers & {
    target: RelayTarget;
    pings: number;
    closed: boolean;
    paused: boolean;
    said: OperatorMessage[];
  })[] = [];
  readonly open: typeof openRelaySocket = (target, _client, handlers) => {
    const socket = { ...handlers, target, pings: 0, closed: false, paused: false, said: [] as OperatorMessage[] };
    this.opened.push(socket);
    return {
      send: message => socket.said.push(message),
      ping: () => (socket.pings += 1),
      pause: () => (socket.paused = true),
      resume: () => (socket.paused = false),
      close: () => (socket.closed = true),
    };
  };

  get last(): (typeof this.opened)[number] {
    const last = this.opened.at(-1);
    if (!last) throw new Error('no socket was opened');
    return last;
  }

  welcome(): void {
    this.last.onOpen();
    this.last.onHeard();
    this.last.onMessage({ type: 'welcome', protocol: 1, relayVersion: '1.2.3', operator: 'ana', now: 0 });
  }
}
