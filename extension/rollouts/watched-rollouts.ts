import * as z from 'zod';
import { rolloutIdSchema, type Rollout, type RolloutId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import { Emitter } from '../base/event.ts';
import type { Memory } from '../updates/watched-runs.ts';
import { waitsForHosts } from './rollout-words.ts';
import type { RolloutStore } from './rollout-store.ts';

const watchedSchema = z.object({
  rolloutId: rolloutIdSchema,
  askedAt: z.number(),
  /** It was told how far it is: the rest waits for hosts that are offline. */
  told: z.boolean(),
});
type Watched = z.infer<typeof watchedSchema>;

const KEY = 'nixfleet.watchedRollouts';
/** A rollout that nothing was heard of for so long will not be heard of again. */
const FORGET_AFTER = 30 * 24 * 3_600_000;

/**
 * The rollouts that this window asked for and whose outcome its person is to be told, also after a reload: once when only
 * hosts are left that are offline, and once when it is over.
 */
export class WatchedRollouts extends Disposable {
  readonly #store: Pick<RolloutStore, 'find' | 'onDidChange'>;
  readonly #memory: Memory;
  readonly #tell = this.own(new Emitter<Rollout>());
  #watched: readonly Watched[];

  readonly onDidTell = this.#tell.event;

  constructor(store: Pick<RolloutStore, 'find' | 'onDidChange'>, memory: Memory) {
    super();
    this.#store = store;
    this.#memory = memory;
    const parsed = z.array(watchedSchema).safeParse(memory.get(KEY));
    const now = Date.now();
    this.#watched = parsed.success ? parsed.data.filter(({ askedAt }) => now - askedAt < FORGET_AFTER) : [];
    this.own(store.onDidChange(() => this.#look()));
  }

  watch(rolloutId: RolloutId): void {
    this.#set([...this.#watched, { rolloutId, askedAt: Date.now(), told: false }]);
    this.#look();
  }

  #look(): void {
    const tell: Rollout[] = [];
    const kept = this.#watched.flatMap(watched => {
      const rollout = this.#store.find(watched.rolloutId);
      if (!rollout) return [watched];
      const isOver = rollout.endedAt !== undefined;
      if (isOver || (waitsForHosts(rollout) && !watched.told)) tell.push(rollout);
      else return [watched];
      return isOver ? [] : [{ ...watched, told: true }];
    });
    if (tell.length === 0) return;
    this.#set(kept);
    for (const rollout of tell) this.#tell.fire(rollout);
  }

  #set(watched: readonly Watched[]): void {
    this.#watched = watched;
    void this.#memory.update(KEY, watched);
  }
}
