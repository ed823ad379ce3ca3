import type {
  AgentManifest,
  AnyRunEvent,
  Outcome,
  PackageChange,
  Phase,
  Reason,
  RunEvent,
  RunId,
  RunSummary,
  Snapshot,
} from '../../../protocol/index.ts';

type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'v' | 'seq' | 'at'> : never) : never;

export const RUN_ID = '01JTESTRVN0000000000000001' as RunId;
export const BEGUN_AT = Date.UTC(2026, 5, 3, 12, 3, 20);

export const REV = {
  old: '3b1f6a2c9d8e7f60514233241506f7e8d9cabb0c',
  new: 'a94c02e7715d3f8896ab10cd24ef35576879a0b1',
  head: '0c4d7e2f91ab35c86d1e2f3041526374859606a7',
  pulled: '7be1902d3c4f5a6b7081928394a5b6c7d8e9f001',
};

export function manifest(version: string, rev: string, digit: string): AgentManifest {
  return {
    format: 1,
    storePath: `/nix/store/${digit.repeat(32)}-nixfleet-agent-${version}`,
    version,
    rev,
    protocol: 1,
  };
}

export const AGENT_BEFORE = manifest('2.3.0', REV.old, 'p');
export const AGENT_AFTER = manifest('2.4.0', REV.new, 'q');

export const BEFORE: Snapshot = {
  head: REV.head,
  branch: 'main',
  input: { rev: REV.old, lastModified: 1_778_000_000 },
  agent: AGENT_BEFORE,
  generation: { toplevel: `/nix/store/${'a'.repeat(32)}-nixos-system-web-01-25.11.20260501.3b1f6a2`, number: 41 },
};

export const AFTER: Snapshot = {
  head: REV.pulled,
  branch: 'main',
  input: { rev: REV.new, lastModified: 1_780_400_000 },
  agent: AGENT_AFTER,
  generation: { toplevel: `/nix/store/${'b'.repeat(32)}-nixos-system-web-01-25.11.20260601.a94c02e`, number: 42 },
};

/** Tells what happens in a run, event by event, as a runner writes it down. */
export class Story {
  readonly #events: AnyRunEvent[] = [];
  readonly #host: string;
  #now = BEGUN_AT;
  #phase: Phase = 'queued';
  #step = 0;

  constructor(host = 'web-01') {
    this.#host = host;
  }

  get events(): readonly AnyRunEvent[] {
    return this.#events;
  }

  get now(): number {
    return this.#now;
  }

  tell(body: EventBody): this {
    this.#events.push({ ...body, v: 1, seq: this.#events.length + 1, at: this.#now });
    return this;
  }

  wait(ms: number): this {
    this.#now += ms;
    return this;
  }

  phase(phase: Phase): this {
    this.#phase = phase;
    return this.tell({ type: 'phase', phase });
  }

  /** A program that runs for so long; without an exit code it is still running. */
  command(argv: readonly string[], ms: number, exitCode?: number, user = 'ana'): this {
    const step = ++this.#step;
    const raw = `raw/${step}.log`;
    this.tell({ type: 'step-started', step, argv: [...argv], user, raw, rawOffset: 0, outputOffset: 0 }).wait(ms);
    return exitCode === undefined ? this : this.tell({ type: 'step-ended', step, exitCode, durationMs: ms });
  }

  /** The beginning of every run: taken, recorded, pulled. */
  begin({ before = BEFORE, nixcfg = '/home/ana/Code/nixcfg' } = {}): this {
    return this.phase('accepted')
      .tell({
        type: 'host',
        platform: 'nixos',
        method: 'staged',
        nixcfg,
        owner: 'ana',
        attribute: `nixosConfigurations."${this.#host}"`,
        input: 'nixfleet',
        bootId: 'b00f1e2d',
      })
      .wait(310)
      .phase('pulling')
      .tell({ type: 'recorded', before });
  }

  pull(commits: readonly string[], more = 0, remote: string | null = 'git@github.com:ana/nixcfg.git'): this {
    return this.command(['git', 'pull', '--ff-only'], 1900, 0).tell({
      type: 'pulled',
      from: REV.head,
      to: commits.length === 0 ? REV.head : REV.pulled,
      commits: commits.map((subject, i) => ({
        rev: `${(i + 1).toString(16).padStart(2, '0')}${REV.pulled.slice(2)}`,
        subject,
        author: ['Ana Petrova', 'Jun Okafor'][i % 2] ?? '',
        at: BEGUN_AT - (i + 1) * 7_400_000,
      })),
      more,
      ...(remote !== null && { remote }),
    });
  }

  lock(changed = true): this {
    return this.wait(60)
      .phase('locking')
      .command(['nix', 'flake', 'update', 'nixfleet'], 2300, 0)
      .tell({
        type: 'locked',
        input: 'nixfleet',
        before: { rev: REV.old, lastModified: 1_778_000_000 },
        after: changed ? { rev: REV.new, lastModified: 1_780_400_000 } : { rev: REV.old, lastModified: 1_778_000_000 },
        changed,
      });
  }

  build(ms = 94_000): this {
    return this.phase('building').command(
      [
        'nix',
        'build',
        '-L',
        '--out-link',
        'result',
        `.#nixosConfigurations."${this.#host}".config.system.build.toplevel`,
      ],
      ms,
    );
  }

  built(): this {
    const toplevel = AFTER.generation?.toplevel ?? '';
    return this.tell({ type: 'step-ended', step: this.#step, exitCode: 0, durationMs: 94_000 })
      .tell({ type: 'build-totals', builds: 12, downloads: 38, bytes: 214_300_000 })
      .tell({ type: 'built', toplevel, manifest: AGENT_AFTER });
  }

  packages(changes: readonly PackageChange[], more = 0): this {
    return this.tell({ type: 'packages', changes: [...changes], more });
  }

  reboot(...because: readonly string[]): this {
    return this.tell({ type: 'reboot', because: [...because] });
  }

  activate(exitCode = 0, failedUnits: readonly string[] = []): this {
    const toplevel = AFTER.generation?.toplevel ?? '';
    return this.phase('activating')
      .command([`${toplevel}/bin/switch-to-configuration`, 'test'], 4200, exitCode, 'root')
      .tell({ type: 'activated', toplevel, failedUnits: [...failedUnits] });
  }

  confirm(): this {
    return this.phase('confirming')
      .wait(11_300)
      .tell({ type: 'confirmed', agent: AGENT_AFTER, pid: 4711, proof: 'hello' });
  }

  commit(): this {
    return this.phase('committing')
      .command(
        ['nix-env', '-p', '/nix/var/nix/profiles/system', '--set', AFTER.generation?.toplevel ?? ''],
        180,
        0,
        'root',
      )
      .command([`${AFTER.generation?.toplevel ?? ''}/bin/switch-to-configuration`, 'boot'], 740, 0, 'root')
      .tell({ type: 'committed', generation: AFTER.generation ?? { toplevel: '' } });
  }

  /** On a host that publishes its lock. */
  publish(published: { result: 'pushed' | 'held' | 'not-published'; rev?: string; why?: string }): this {
    return this.tell({ type: 'publishing', changed: true })
      .wait(900)
      .tell({ type: 'published', to: 'origin/main', ...published });
  }

  end(
    outcome: Outcome,
    how: { changed?: boolean; after?: Snapshot; reason?: Reason; lastLines?: string[] } = {},
  ): this {
    const { changed = outcome === 'succeeded', after = changed ? AFTER : BEFORE, reason, lastLines } = how;
    return this.tell({
      type: 'ended',
      outcome,
      changed,
      after,
      ...(reason && { reason }),
      ...(lastLines && { lastLines }),
    });
  }

  /** The run as the relay's lists have it. */
  summary(more: Partial<RunSummary> = {}): RunSummary {
    return {
      runId: RUN_ID,
      host: this.#host,
      requestedBy: 'ana',
      requestedAt: BEGUN_AT - 240,
      expiresAt: BEGUN_AT + 86_400_000,
      delivery: this.#events.length > 0 ? 'begun' : 'queued',
      seq: this.#events.length,
      phase: this.#phase,
      phaseSince: this.#now,
      ...more,
    };
  }
}
