import type { RunId } from '../../protocol/index.ts';
import type { FleetChange, RunNews, Unwatch } from './backbone.ts';

/** Who watches the fleet and which runs. */
export class Watchers {
  readonly #fleet = new Set<(change: FleetChange) => void>();
  readonly #runs = new Map<RunId, Set<(news: RunNews) => void>>();

  watchFleet(listener: (change: FleetChange) => void): Unwatch {
    this.#fleet.add(listener);
    return () => this.#fleet.delete(listener);
  }

  watchRun(runId: RunId, listener: (news: RunNews) => void): Unwatch {
    const listeners = this.#runs.get(runId) ?? new Set();
    this.#runs.set(runId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#runs.get(runId) === listeners) this.#runs.delete(runId);
    };
  }

  tellFleet(change: FleetChange): void {
    for (const listener of [...this.#fleet]) listener(change);
  }

  tellRun(runId: RunId, news: RunNews): void {
    const listeners = this.#runs.get(runId);
    if (!listeners) return;
    for (const listener of [...listeners]) listener(news);
  }
}
