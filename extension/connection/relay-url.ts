export type RelayUrlResult =
  | { readonly ok: true; readonly url: string }
  /** `plain`: unencrypted to another machine, which would show the token to the network. */
  | { readonly ok: false; readonly kind: 'empty' | 'not-a-url' | 'scheme' | 'credentials' | 'plain' };

/**
 * The relay that a person means: `wss://relay.example.org`, also written as `https://…` or without a scheme. Without
 * one it is TLS, except on this machine.
 * @param allowPlain whether `ws://` may leave this machine
 */
export function parseRelayUrl(text: string, allowPlain: boolean): RelayUrlResult {
  const typed = text.trim();
  if (typed === '') return { ok: false, kind: 'empty' };
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(typed);
  const url = URL.parse(hasScheme ? typed : `${isLocal(typed) ? 'ws' : 'wss'}://${typed}`);
  if (!url || url.hostname === '' || /\s/.test(typed)) return { ok: false, kind: 'not-a-url' };
  if (url.username !== '' || url.password !== '') return { ok: false, kind: 'credentials' };
  const scheme = { 'wss:': 'wss:', 'https:': 'wss:', 'ws:': 'ws:', 'http:': 'ws:' }[url.protocol];
  if (scheme === undefined) return { ok: false, kind: 'scheme' };
  if (scheme === 'ws:' && !isLoopback(url.hostname) && !allowPlain) return { ok: false, kind: 'plain' };
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v1\/operator$/, '');
  const meant = new URL(`${scheme}//${url.host}${path}`);
  return { ok: true, url: meant.href.replace(/\/$/, '') };
}

/** `relay.example.org:7780`: the relay as people speak of it. */
export function relayName(url: string): string {
  return URL.parse(url)?.host ?? url;
}

/** Whether a host, typed without a scheme, is this machine. */
function isLocal(typed: string): boolean {
  return isLoopback(URL.parse(`ws://${typed}`)?.hostname ?? '');
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname)
  );
}
