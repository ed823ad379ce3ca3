/** Decides what of a checkout may be put back. Only what the run itself did is undone; what a person did stays. */

/** A checkout at one moment. */
export interface CheckoutState {
  readonly head: string;
  /** Absent when HEAD is detached. */
  readonly branch?: string | undefined;
  /** The bytes of flake.lock; absent when there is none. */
  readonly lock?: Uint8Array | undefined;
}

export interface RestoreFacts {
  /** As it was before the run. */
  readonly recorded: CheckoutState;
  readonly now: CheckoutState;
  /** What the run moved HEAD to, if it did. */
  readonly pulledTo?: string | undefined;
  /** flake.lock as committed at HEAD now. */
  readonly lockAtHead?: Uint8Array | undefined;
  /** Locks that this run wrote. */
  readonly ownLocks: readonly Uint8Array[];
  /** nix was at work on the lock and what it left was not looked at: a lock that nobody knows is its work. */
  readonly lockInFlight: boolean;
}

export interface RestorePlan {
  /** Take the lock out of the way of the reset first: it differs from HEAD by this run's doing. */
  readonly lockToHead: boolean;
  readonly resetTo?: string;
  /** What flake.lock is to be in the end, when HEAD is as recorded. */
  readonly lock: 'keep' | 'recorded';
  /** What is not put back, and why, for people. */
  readonly left: readonly string[];
}

export function planRestore(facts: RestoreFacts): RestorePlan {
  const { recorded, now, pulledTo, lockAtHead } = facts;
  const moved = now.head !== recorded.head;
  const ownMove = moved && now.head === pulledTo && now.branch === recorded.branch;
  const lockIsRecorded = same(now.lock, recorded.lock);
  const lockIsOwn =
    facts.ownLocks.some(lock => same(lock, now.lock)) ||
    (facts.lockInFlight && !lockIsRecorded && !same(now.lock, lockAtHead));
  const left: string[] = [];
  if (moved && !ownMove)
    left.push(`HEAD is at ${now.head.slice(0, 12)}, where somebody else moved it meanwhile, and stays there`);
  if (!lockIsRecorded && !lockIsOwn && !same(now.lock, lockAtHead))
    left.push('flake.lock was changed by somebody else meanwhile and stays as it is');
  const staysMoved = moved && !ownMove;
  const lockMayChange = lockIsRecorded || lockIsOwn || same(now.lock, lockAtHead);
  return {
    lockToHead: lockMayChange && !same(now.lock, lockAtHead) && (ownMove || (staysMoved && lockIsOwn)),
    ...(ownMove && { resetTo: recorded.head }),
    lock: lockMayChange && !staysMoved && (ownMove || !lockIsRecorded) ? 'recorded' : 'keep',
    left,
  };
}

export function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.from(a).equals(b);
}
