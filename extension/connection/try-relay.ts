import { openRelaySocket, type ClientInfo, type RelayTarget } from './relay-socket.ts';
import { CONNECT_WITHIN, type RelayInfo } from './state.ts';
import type { Trouble } from './trouble.ts';

export type TryResult =
  { readonly ok: true; readonly relay: RelayInfo } | { readonly ok: false; readonly trouble: Trouble };

/** Connects once, says hello, and hangs up: whether this relay takes this token, and if not, why. */
export function tryRelay(target: RelayTarget, client: ClientInfo, signal?: AbortSignal): Promise<TryResult> {
  return new Promise(resolve => {
    let opened = false;
    const finish = (result: TryResult): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.close();
      resolve(result);
    };
    const onAbort = (): void => finish({ ok: false, trouble: { kind: 'failed', detail: 'cancelled' } });
    const timer = setTimeout(
      () => finish({ ok: false, trouble: { kind: 'timeout', what: opened ? 'welcome' : 'connect' } }),
      CONNECT_WITHIN,
    );
    const socket = openRelaySocket(target, client, {
      onOpen: () => (opened = true),
      onHeard: () => undefined,
      onMessage: message => {
        if (message.type !== 'welcome') return;
        const { protocol, relayVersion, operator } = message;
        finish({ ok: true, relay: { protocol, version: relayVersion, operator } });
      },
      onFrame: () => undefined,
      onUnknown: () => undefined,
      onEnd: trouble => finish({ ok: false, trouble }),
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
