import type { FleetHost } from '../../protocol/index.ts';
import type { FleetChanged, FleetHostView } from '../language-server/protocol.ts';
import { builtFrom } from './configurations.ts';

/** What the language server is told of a host. */
export function hostView(host: FleetHost, shown: Pick<FleetHostView, 'icon' | 'words' | 'idle'>): FleetHostView {
  const { agent, status } = host;
  const built = builtFrom(host);
  const { rev, lastModified } = status?.input ?? {};
  return {
    name: host.host,
    ...shown,
    ...(built && { built }),
    ...(agent && { version: agent.version, agentRev: agent.rev }),
    ...(rev !== undefined && { lockedRev: rev }),
    ...(lastModified !== undefined && { lockedAt: lastModified }),
  };
}

/** Keeps what the server was told, and finds what it has to be told. */
export class FleetViews {
  readonly #told = new Map<string, string>();
  #state = '';

  /** Undefined when nothing reads otherwise than before. */
  update(
    hosts: ReadonlyMap<string, FleetHost>,
    state: Pick<FleetChanged, 'known' | 'trusted'>,
    describe: (host: FleetHost) => Pick<FleetHostView, 'icon' | 'words' | 'idle'>,
  ): FleetChanged | undefined {
    const changed: FleetHostView[] = [];
    for (const host of hosts.values()) {
      const view = hostView(host, describe(host));
      const text = JSON.stringify(view);
      if (this.#told.get(host.host) === text) continue;
      this.#told.set(host.host, text);
      changed.push(view);
    }
    const gone = [...this.#told.keys()].filter(name => !hosts.has(name));
    for (const name of gone) this.#told.delete(name);
    const stateText = JSON.stringify(state);
    if (changed.length === 0 && gone.length === 0 && stateText === this.#state) return undefined;
    this.#state = stateText;
    return { ...state, hosts: changed, gone };
  }
}
