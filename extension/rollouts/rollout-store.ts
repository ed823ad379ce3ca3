import { ROLLOUTS, type Rollout, type RolloutId, type ToOperatorMessage } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Link } from '../connection/link.ts';

/** The rollouts that the relay tells of. While the link is down they are as they were last known. */
export class RolloutStore extends Disposable {
  readonly #changed = this.own(new Emitter<void>());
  #rollouts: ReadonlyMap<RolloutId, Rollout> = new Map();
  #url: string | undefined;
  #isSupported = false;

  readonly onDidChange = this.#changed.event;

  constructor(link: Pick<Link, 'onMessage' | 'onDidChangeState' | 'url'>) {
    super();
    this.own(link.onMessage(message => this.#take(message)));
    this.own(
      link.onDidChangeState(() => {
        if (link.url !== this.#url) this.#set(new Map());
        this.#url = link.url;
      }),
    );
  }

  /** Whether the relay knows rollouts; an older one is asked for one host after the other. */
  get isSupported(): boolean {
    return this.#isSupported;
  }

  /** Newest first. */
  get all(): readonly Rollout[] {
    return [...this.#rollouts.values()].sort((a, b) => (a.rolloutId < b.rolloutId ? 1 : -1));
  }

  /** Those that are not over, newest first. */
  get live(): readonly Rollout[] {
    return this.all.filter(({ endedAt }) => endedAt === undefined);
  }

  find(rolloutId: RolloutId): Rollout | undefined {
    return this.#rollouts.get(rolloutId);
  }

  #take(message: ToOperatorMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#isSupported = message.features?.includes(ROLLOUTS) ?? false;
        // a relay that does not know them will not say that there are none
        if (!this.#isSupported) this.#set(new Map());
        return;
      case 'rollouts':
        this.#set(new Map(message.rollouts.map(rollout => [rollout.rolloutId, rollout])));
        return;
      case 'rollout':
        this.#put(message.rollout);
        return;
      case 'reply':
        if (message.rollout) this.#put(message.rollout);
        return;
      default:
    }
  }

  #put(rollout: Rollout): void {
    this.#set(new Map([...this.#rollouts, [rollout.rolloutId, rollout]]));
  }

  #set(rollouts: ReadonlyMap<RolloutId, Rollout>): void {
    if (rollouts.size === 0 && this.#rollouts.size === 0) return;
    this.#rollouts = rollouts;
    this.#changed.fire();
  }
}
