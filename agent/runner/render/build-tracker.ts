import type { Amount, BuildProgress } from '../../../protocol/index.ts';
import { ActivityType, ResultType, type ActivityId, type NixEntry } from './nix-entry.ts';

/** What a build came to. */
export interface BuildTotals {
  readonly builds: number;
  readonly downloads: number;
  readonly bytes: number;
}

interface Activity {
  readonly type: number;
  /** Its store path without folder and hash, where it has one. */
  readonly name: string;
  /** A download of a store path, not of something that nix asked on its way. */
  readonly isPartOfCopy: boolean;
  done: number;
  expected: number;
  /** What it says that activities of other types will come to. */
  readonly expects: Map<number, number>;
}

/** Names of what is at work that are said. */
const MAX_NAMES = 4;

/**
 * Adds nix's activities up, as its own progress bar does (src/libmain/progress-bar.cc): a type's total is what its activities
 * expect, or what another activity said of it, whichever is more.
 */
export class BuildTracker {
  readonly #activities = new Map<ActivityId, Activity>();
  /** What those that have stopped had come to, by type. */
  readonly #done = new Map<number, number>();
  /** Bytes of store paths that have come in full, as they travelled. */
  #transferred = 0;
  #hasTransfers = false;
  /** Bytes that had come when nix last said that it expects no more. */
  #settledBytes = 0;

  take(entry: NixEntry): void {
    switch (entry.action) {
      case 'start': {
        const { id, type, parent } = entry;
        const isPartOfCopy =
          type === ActivityType.fileTransfer && this.#activities.get(parent)?.type === ActivityType.copyPath;
        this.#hasTransfers ||= isPartOfCopy;
        const name = nameOf(entry.fields[0]);
        this.#activities.set(id, { type, name, isPartOfCopy, done: 0, expected: 0, expects: new Map() });
        return;
      }
      case 'stop':
        this.#stop(entry.id);
        return;
      case 'result': {
        const activity = this.#activities.get(entry.id);
        const [first = 0, second = 0] = entry.fields;
        if (!activity || typeof first !== 'number' || typeof second !== 'number') return;
        if (entry.type === ResultType.progress) [activity.done, activity.expected] = [first, second];
        else if (entry.type === ResultType.setExpected) activity.expects.set(first, second);
        return;
      }
      case 'msg':
        return;
    }
  }

  progress(): BuildProgress {
    const running = [...this.#activities.values()];
    const at = (type: number, kind: 'build' | 'download'): BuildProgress['now'] =>
      running.filter(activity => activity.type === type).map(({ name }) => ({ kind, name: name.slice(0, 256) }));
    const now = [...at(ActivityType.build, 'build'), ...at(ActivityType.copyPath, 'download')];
    const builds = this.#amount(ActivityType.builds);
    const downloads = this.#amount(ActivityType.copyPaths);
    const bytes = downloads && this.#bytes();
    return {
      ...(builds && { builds }),
      ...(downloads && { downloads }),
      ...(bytes && { bytes }),
      now: now.slice(0, MAX_NAMES),
      more: Math.max(0, now.length - MAX_NAMES),
    };
  }

  totals(): BuildTotals {
    return {
      builds: this.#amount(ActivityType.builds)?.done ?? 0,
      downloads: this.#amount(ActivityType.copyPaths)?.done ?? 0,
      bytes: this.#bytes()?.done ?? 0,
    };
  }

  #stop(id: ActivityId): void {
    const activity = this.#activities.get(id);
    if (!activity) return;
    this.#activities.delete(id);
    this.#done.set(activity.type, (this.#done.get(activity.type) ?? 0) + activity.done);
    if (activity.isPartOfCopy) this.#transferred += activity.done;
    if (activity.expects.size > 0) this.#settledBytes = this.#bytes()?.done ?? 0;
  }

  /** Undefined when there is nothing to do of the kind, as far as nix knows. */
  #amount(type: number): Amount | undefined {
    let done = this.#done.get(type) ?? 0;
    let total = done;
    for (const activity of this.#activities.values()) {
      if (activity.type !== type) continue;
      done += activity.done;
      total += activity.expected;
    }
    total = Math.max(done, total);
    return total > 0 ? { done, total } : undefined;
  }

  #bytes(): Amount | undefined {
    const unpacked = this.#amount(ActivityType.copyPath)?.done ?? 0;
    let transferred = this.#transferred;
    for (const { isPartOfCopy, done } of this.#activities.values()) if (isPartOfCopy) transferred += done;
    // a cache on a disk is read and not downloaded
    const isFromDisk = unpacked > 0 && !this.#hasTransfers;
    const done = isFromDisk ? unpacked : transferred;
    const expected = this.#expected(isFromDisk ? ActivityType.copyPath : ActivityType.fileTransfer);
    if (done === 0 && expected === 0) return undefined;
    return expected === 0 ? { done } : { done, total: Math.max(done, this.#settledBytes + expected) };
  }

  #expected(type: number): number {
    let expected = 0;
    for (const { expects } of this.#activities.values()) expected += expects.get(type) ?? 0;
    return expected;
  }
}

/** `/nix/store/<hash>-hello-2.12.drv` → `hello-2.12`. */
export function nameOf(path: string | number | undefined): string {
  return String(path ?? '')
    .replace(/^.*\//, '')
    .replace(/^[0-9a-z]{32}-/, '')
    .replace(/\.drv$/, '');
}
