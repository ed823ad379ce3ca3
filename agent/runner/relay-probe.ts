import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import type { AgentConfig } from '../config.ts';
import { relayTls } from '../link/certificate.ts';
import { healthUrl } from '../link/endpoint.ts';

/** Whether the relay answers this host, and if not, what stands in the way. */
export type Probe = { readonly reachable: true } | { readonly reachable: false; readonly why: string };

/** Milliseconds that the relay may take to answer. */
const PATIENCE_MS = 5000;

/**
 * Asks the relay for its health as any client would: name, connection, certificate, answer. A relay that answers but
 * serves nobody (5xx, 429) counts as not reachable: no agent could have greeted it.
 */
export function probeRelay(
  config: Pick<AgentConfig, 'relayUrl' | 'caFile' | 'fingerprint'>,
  signal?: AbortSignal,
): Promise<Probe> {
  const url = healthUrl(config.relayUrl);
  return new Promise(resolve => {
    const unreachable = (why: string): void => resolve({ reachable: false, why });
    const tls = relayTls(url, config);
    if (!tls.ok) {
      unreachable(tls.message);
      return;
    }
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    const limit = AbortSignal.timeout(PATIENCE_MS);
    const isPinned = 'createConnection' in tls.options;
    const request = get(url, {
      // a connection of its own
      ...(!isPinned && { agent: false }),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...tls.options,
    });
    request.on('error', error =>
      unreachable(limit.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : error.message),
    );
    request.on('response', response => {
      response.resume();
      const status = response.statusCode ?? 0;
      if (status >= 500 || status === 429) unreachable(`it answers ${status}`);
      else resolve({ reachable: true });
    });
  });
}
