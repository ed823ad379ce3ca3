/** Decides what becomes of the lock of a run that succeeded, from what upstream is now. Pure. */

/** What is known when upstream was asked. Locks are git's names of their content; undefined where there is none. */
export interface PublishFacts {
  /** The lock of this run. */
  readonly lock: string;
  /** The lock that was committed where this run began. */
  readonly lockBefore: string | undefined;
  /** The lock at upstream's tip. */
  readonly lockAtTip: string | undefined;
  /** The commit upstream that this run made and pushed before, if upstream has it. */
  readonly own: string | undefined;
  /** Whether upstream has all commits of the checkout, and the checkout all of upstream. */
  readonly headInTip: boolean;
  readonly tipInHead: boolean;
}

export type PublishPlan =
  /** This run's commit is there. */
  | { readonly kind: 'pushed'; readonly rev: string }
  /** Somebody else published the same lock. */
  | { readonly kind: 'held' }
  /** Put a commit on upstream's tip. */
  | { readonly kind: 'push' }
  | { readonly kind: 'leave'; readonly why: string };

export function planPublish(facts: PublishFacts): PublishPlan {
  if (facts.own !== undefined) return { kind: 'pushed', rev: facts.own };
  if (facts.lockAtTip === facts.lock) return { kind: 'held' };
  if (!facts.headInTip)
    return {
      kind: 'leave',
      why: facts.tipInHead
        ? 'the checkout has commits that were not pushed, and they are not NixFleet’s to push'
        : 'the checkout and its upstream have diverged',
    };
  if (facts.lockAtTip !== facts.lockBefore)
    return { kind: 'leave', why: 'upstream holds another lock by now, which the next update starts from' };
  return { kind: 'push' };
}
