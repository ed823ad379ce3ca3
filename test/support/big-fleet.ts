/**
 * A fleet of thousands of hosts, of which there is no more than what its relay says. For what a window does with many:
 * real hosts would take minutes to enrol.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeRelay } from '../../extension/connection/fake-relay.ts';
import { AGENT, anEndedRun, aRun, NEW_REV, OLD_REV } from '../../extension/fleet/samples.ts';
import { MAX_HOSTS_PER_MESSAGE, type FleetHost, type OperatorMessage } from '../../protocol/index.ts';

const HOUR = 3_600_000;

export class BigFleet implements AsyncDisposable {
  /** What a window needs in its environment to connect here. */
  readonly env: Readonly<Record<string, string>>;
  /** When the last part of the newest snapshot was sent, ms since the epoch. */
  snapshotAt = 0;
  readonly #hosts: Map<string, FleetHost>;
  readonly #relay: FakeRelay;
  readonly #folder = mkdtempSync(join(tmpdir(), 'nixfleet-big-'));

  private constructor(relay: FakeRelay, hosts: readonly FleetHost[]) {
    this.#relay = relay;
    this.#hosts = new Map(hosts.map(host => [host.host, host]));
    const tokenFile = join(this.#folder, 'token');
    writeFileSync(tokenFile, 'token', { mode: 0o600 });
    this.env = { NIXFLEET_RELAY_URL: relay.url, NIXFLEET_RELAY_TOKEN_FILE: tokenFile };
    relay.onMessage = message => this.#onMessage(message);
  }

  static async start(hosts: readonly FleetHost[]): Promise<BigFleet> {
    return new BigFleet(await FakeRelay.start(), hosts);
  }

  /** A host is otherwise than it was, or new. */
  put(host: FleetHost): void {
    this.#hosts.set(host.host, host);
    this.#relay.say({ type: 'host', host });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #onMessage(message: OperatorMessage): void {
    if (message.type === 'hello') this.#greet();
    else if ('id' in message) this.#relay.say({ type: 'reply', id: message.id, ok: true });
  }

  #greet(): void {
    this.#relay.welcome();
    const hosts = [...this.#hosts.values()];
    for (let from = 0; from < hosts.length || from === 0; from += MAX_HOSTS_PER_MESSAGE) {
      const to = from + MAX_HOSTS_PER_MESSAGE;
      this.#relay.say({ type: 'fleet', hosts: hosts.slice(from, to), last: to >= hosts.length });
    }
    this.snapshotAt = Date.now();
  }
}

/** Hosts by number, `host-0000` and so on, in every state: of ten, one failed, two have an update, two are away. */
export function manyHosts(count: number): FleetHost[] {
  return Array.from({ length: count }, (_, index) => bigFleetHost(index));
}

export function bigFleetHost(index: number, version = '2.3.0'): FleetHost {
  const now = Date.now();
  const host = `host-${String(index).padStart(4, '0')}`;
  const kind = index % 10;
  const isUp = kind !== 4 && kind !== 5;
  const failed = { host, outcome: 'failed', phase: 'building', endedAt: now - HOUR, requestedAt: now - HOUR } as const;
  return {
    host,
    enrolledAt: now - 1000 * HOUR,
    online: isUp,
    lastSeenAt: isUp ? now : now - (1 + (index % 90)) * HOUR,
    agent: { ...AGENT, version, attribute: `nixosConfigurations."${host}"` },
    status: {
      at: now,
      nixcfg: { path: '/home/ana/Code/nixcfg', head: OLD_REV, branch: 'main', dirty: false },
      input: { rev: OLD_REV, lastModified: Math.floor(now / 1000) - 3 * 86_400, url: 'github:nixfleet/nixfleet' },
      upstream: { rev: kind === 1 || kind === 2 ? NEW_REV : OLD_REV, checkedAt: now },
      generation: { toplevel: `/nix/store/${'0'.repeat(32)}-nixos-system-${host}-25.11`, number: 42 },
      problems: [],
    },
    runs: kind === 0 ? [anEndedRun(index + 1, failed)] : [],
  };
}

/** The host while it is updated. */
export function updating(host: FleetHost): FleetHost {
  const now = Date.now();
  const run = aRun(90_000, { host: host.host, requestedAt: now, phase: 'building', phaseSince: now });
  return { ...host, runs: [run, ...host.runs] };
}

/**
 * A program for the window: `drawn()` gives the names of the rows of hosts that are drawn anew from now on. VS Code sets
 * the numbers of rows below again, to what they are; that draws nothing.
 */
export const WATCH_DRAWN_ROWS = `
  globalThis.drawnRows = new Set();
  globalThis.drawnRowsObserver?.disconnect();
  globalThis.drawnRowsObserver = new MutationObserver(changes => {
    for (const { target, type, attributeName, oldValue } of changes) {
      if (type === 'attributes' && target.getAttribute(attributeName) === oldValue) continue;
      const row = (target.nodeType === 1 ? target : target.parentElement)?.closest('.monaco-list-row');
      const host = /host-\\d+/.exec(row?.getAttribute('aria-label') ?? '');
      if (host) drawnRows.add(host[0]);
    }
  });
  drawnRowsObserver.observe(document.querySelector('.sidebar .monaco-list-rows'), {
    subtree: true, childList: true, characterData: true, attributes: true, attributeOldValue: true,
  });
  globalThis.drawn = () => [...drawnRows];`;
