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
  return { ok: true, url: below(url, 'v1/agent') };
}

/** Where the relay answers for its health: beside the agents' path, also behind a proxy that gave it a folder. */
export function healthUrl(relayUrl: string): URL {
  return below(new URL(relayUrl.replace(/^ws/, 'http')), 'healthz');
}

function below(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${path}`;
  url.search = '';
  url.hash = '';
  return url;
}

/** Whether a URL's host name leads to this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
