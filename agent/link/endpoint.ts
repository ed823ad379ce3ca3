import type { AgentConfig } from '../config.ts';

export type Endpoint =
  { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly message: string; readonly advice: string };

/**
 * Where the agent connects to. A token must not travel in clear text over a network: `ws://` is for loopback, and for
 * whoever says `allowPlaintext`.
 */
export function agentEndpoint(config: Pick<AgentConfig, 'relayUrl' | 'allowPlaintext'>): Endpoint {
  const url = new URL(config.relayUrl);
  if (url.protocol === 'ws:' && !config.allowPlaintext && !isLoopback(url.hostname)) {
    return {
      ok: false,
      message: `relayUrl ${config.relayUrl} would send this host's token in clear text`,
      advice: 'Give the relay a certificate and use wss://, or set allowPlaintext on a network that is private.',
    };
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/agent`;
  url.search = '';
  url.hash = '';
  return { ok: true, url };
}

/** Whether a URL's host name leads to this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
