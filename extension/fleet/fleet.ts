/**
 * What this window knows of the fleet, as a value: every change makes a new snapshot. Comes in: messages of the relay,
 * and whether the link is up. Leaves: the next snapshot and which hosts differ in it.
 */
import { isOver, type FleetHost, type RunId, type RunSummary, type ToOperatorMessage } from '../../protocol/index.ts';

export interface Fleet {
  readonly hosts: ReadonlyMap<string, FleetHost>;
  /** A whole snapshot has come from this relay: hosts that are not here do not exist. */
  readonly known: boolean;
  /** The link is down, or was and the new snapshot is still coming: hosts are shown as they were last known. */
  readonly stale: boolean;
  /** How far the relay's clock is ahead of this machine's, in milliseconds: its times are read with it. */
  readonly clockOffset: number;
  /** What came since a snapshot began that is not whole yet, in order: its parts, and what changed meanwhile. */
  readonly arriving: readonly ToOperatorMessage[] | undefined;
}

export const NO_FLEET: Fleet = { hosts: new Map(), known: false, stale: true, clockOffset: 0, arriving: undefined };

export type FleetInput =
  | { readonly type: 'message'; readonly message: ToOperatorMessage; readonly at: number }
  | { readonly type: 'link-down' }
  /** Another relay, or none: what is known of the last one's hosts does not count. */
  | { readonly type: 'forget' };

/** What differs between two snapshots. */
export interface FleetChange {
  readonly fleet: Fleet;
  readonly previous: Fleet;
  /** Hosts that are new, gone or other than they were. */
  readonly hosts: ReadonlySet<string>;
}

/** Runs kept with a host at the most, as many as the relay sends. */
const RUNS_PER_HOST = 10;

/** The fleet after these inputs, in order. Many at once cost one copy of the map. */
export function reduceFleet(fleet: Fleet, inputs: readonly FleetInput[]): Fleet {
  const draft = new Draft(fleet);
  for (const input of inputs) draft.take(input);
  return draft.finish();
}

/** Whether anything differs that can be seen: parts of a snapshot that is still coming cannot. */
export function isVisiblyOther(previous: Fleet, fleet: Fleet): boolean {
  const { hosts, known, stale, clockOffset } = previous;
  return hosts !== fleet.hosts || known !== fleet.known || stale !== fleet.stale || clockOffset !== fleet.clockOffset;
}

export function changeBetween(previous: Fleet, fleet: Fleet): FleetChange {
  const hosts = new Set<string>();
  if (previous.hosts !== fleet.hosts) {
    for (const [name, host] of fleet.hosts) if (previous.hosts.get(name) !== host) hosts.add(name);
    for (const name of previous.hosts.keys()) if (!fleet.hosts.has(name)) hosts.add(name);
  }
  return { fleet, previous, hosts };
}

/** The run that a host is at, or has waiting; undefined when it is idle. */
export function liveRun(host: FleetHost): RunSummary | undefined {
  return host.runs.find(run => !isOver(run));
}

export function findRun(fleet: Fleet, runId: RunId): RunSummary | undefined {
  for (const host of fleet.hosts.values()) {
    const run = host.runs.find(candidate => candidate.runId === runId);
    if (run) return run;
  }
  return undefined;
}

/** Whether a message is about the fleet at all; most are about the output of one run. */
export function concernsFleet(message: ToOperatorMessage): boolean {
  switch (message.type) {
    case 'welcome':
    case 'fleet':
    case 'host':
    case 'host-removed':
    case 'run':
      return true;
    case 'reply':
      return message.run !== undefined;
    case 'events':
    case 'rollouts':
    case 'rollout':
    case 'stream-gone':
    case 'error':
      return false;
  }
}

/** Whether the host's input has a newer revision than the one in its lock. Undefined: not known. */
export function isOutdated(host: FleetHost): boolean | undefined {
  const locked = host.status?.input?.rev;
  const newest = host.status?.upstream?.rev;
  return locked === undefined || newest === undefined ? undefined : locked !== newest;
}

/** A host with this summary among its runs, newest first; the host itself when the summary says nothing new. */
export function withRun(host: FleetHost, run: RunSummary): FleetHost {
  const known = host.runs.find(candidate => candidate.runId === run.runId);
  if (known && (known.seq > run.seq || (isOver(known) && !isOver(run)))) return host;
  const others = host.runs.filter(candidate => candidate.runId !== run.runId);
  const runs = [...others, run].sort((a, b) => (a.runId < b.runId ? 1 : -1)).slice(0, RUNS_PER_HOST);
  return { ...host, runs };
}

/** The hosts of a snapshot, with what changed while it came. */
function hostsOf(messages: readonly ToOperatorMessage[]): Map<string, FleetHost> {
  const hosts = new Map<string, FleetHost>();
  for (const message of messages) {
    if (message.type === 'fleet') for (const host of message.hosts) hosts.set(host.host, host);
    else if (message.type === 'host') hosts.set(message.host.host, message.host);
    else if (message.type === 'host-removed') hosts.delete(message.host);
    else if ((message.type === 'run' || message.type === 'reply') && message.run) {
      const host = hosts.get(message.run.host);
      if (host) hosts.set(host.host, withRun(host, message.run));
    }
  }
  return hosts;
}

/** Copies a map once, when it is first written to. */
class Draft {
  #fleet: Fleet;
  #hosts: Map<string, FleetHost> | undefined;
  #arriving: ToOperatorMessage[] | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#arriving = fleet.arriving && [...fleet.arriving];
  }

  take(input: FleetInput): void {
    if (input.type === 'forget') {
      this.#fleet = NO_FLEET;
      this.#hosts = undefined;
      this.#arriving = undefined;
    } else if (input.type === 'link-down') {
      this.#set({ stale: true });
      this.#arriving = undefined;
    } else {
      this.#message(input.message, input.at);
    }
  }

  finish(): Fleet {
    const hosts = this.#hosts ?? this.#fleet.hosts;
    if (hosts === this.#fleet.hosts && this.#fleet.arriving === undefined && !this.#arriving) return this.#fleet;
    return { ...this.#fleet, hosts, arriving: this.#arriving };
  }

  #message(message: ToOperatorMessage, at: number): void {
    switch (message.type) {
      case 'welcome':
        this.#arriving = undefined;
        this.#set({ stale: true, clockOffset: message.now - at });
        return;
      case 'fleet':
        (this.#arriving ??= []).push(message);
        if (message.last) this.#arrived(hostsOf(this.#arriving));
        return;
      case 'host':
        this.#arriving?.push(message);
        this.#putHost(message.host);
        return;
      case 'host-removed':
        this.#arriving?.push(message);
        if (this.#current().has(message.host)) this.#writable().delete(message.host);
        return;
      case 'run':
      case 'reply':
        this.#arriving?.push(message);
        if (message.run) this.#putRun(message.run);
        return;
      case 'events':
      case 'rollouts':
      case 'rollout':
      case 'stream-gone':
      case 'error':
        return;
    }
  }

  /** Takes the new snapshot over, with the old objects where nothing changed, so that nothing is drawn again in vain. */
  #arrived(arriving: Map<string, FleetHost>): void {
    const old = this.#current();
    for (const [name, host] of arriving) {
      const before = old.get(name);
      if (before && JSON.stringify(before) === JSON.stringify(host)) arriving.set(name, before);
    }
    this.#hosts = arriving;
    this.#arriving = undefined;
    this.#set({ known: true, stale: false });
  }

  #putHost(host: FleetHost): void {
    this.#writable().set(host.host, host);
  }

  #putRun(run: RunSummary): void {
    const host = this.#current().get(run.host);
    if (!host) return;
    const next = withRun(host, run);
    if (next !== host) this.#writable().set(run.host, next);
  }

  #current(): ReadonlyMap<string, FleetHost> {
    return this.#hosts ?? this.#fleet.hosts;
  }

  #writable(): Map<string, FleetHost> {
    this.#hosts ??= new Map(this.#fleet.hosts);
    return this.#hosts;
  }

  #set(part: Partial<Pick<Fleet, 'known' | 'stale' | 'clockOffset'>>): void {
    const next = { ...this.#fleet, ...part };
    const { known, stale, clockOffset } = this.#fleet;
    if (next.known !== known || next.stale !== stale || next.clockOffset !== clockOffset) this.#fleet = next;
  }
}
