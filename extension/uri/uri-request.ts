import { hostNameSchema, runIdSchema, type RunId } from '../../protocol/index.ts';
import { parseRelayUrl } from '../connection/relay-url.ts';

/** What a link asks for: `…/connect?relay=wss://…`, `…/host/NAME`, `…/run/ID`. */
export type UriRequest =
  | { readonly kind: 'connect'; readonly url: string }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'run'; readonly runId: RunId }
  /** `secret`: it brings more than a relay's URL, such as a token, which nobody should put into a link. */
  | { readonly kind: 'refused'; readonly why: 'unknown' | 'relay' | 'secret' };

/** Reads a link. What comes from outside is checked here, and nothing but a relay's URL, a host and a run gets in. */
export function parseUriRequest({ path, query }: { readonly path: string; readonly query: string }): UriRequest {
  const [what, name, ...rest] = path.replace(/^\//, '').split('/');
  if (rest.length > 0) return { kind: 'refused', why: 'unknown' };
  if (what === 'connect' && name === undefined) return connectRequest(new URLSearchParams(query));
  if (query !== '') return { kind: 'refused', why: 'unknown' };
  const host = hostNameSchema.safeParse(name);
  if (what === 'host' && host.success) return { kind: 'host', host: host.data };
  const runId = runIdSchema.safeParse(name);
  if (what === 'run' && runId.success) return { kind: 'run', runId: runId.data };
  return { kind: 'refused', why: 'unknown' };
}

function connectRequest(parameters: URLSearchParams): UriRequest {
  const relays = parameters.getAll('relay');
  if ([...parameters.keys()].some(key => key !== 'relay')) return { kind: 'refused', why: 'secret' };
  // a link may not send a token over the network in clear text, whatever the settings allow a person
  const parsed = relays.length === 1 ? parseRelayUrl(relays[0] ?? '', false) : undefined;
  if (parsed?.ok) return { kind: 'connect', url: parsed.url };
  return { kind: 'refused', why: parsed?.kind === 'credentials' ? 'secret' : 'relay' };
}
