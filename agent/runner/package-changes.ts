/** Says in the journal which packages a run changes. Nothing depends on it: where it cannot be found out, it is not said. */
import { bounded, compareClosures, parseClosureDiff } from '../steps/closures.ts';
import { FLAKES } from '../steps/nix.ts';
import type { Query } from '../steps/query.ts';
import type { PackageChange } from '../../protocol/index.ts';
import type { Built, Checkout, RunContext } from './context.ts';

export async function tellPackages(run: RunContext, checkout: Checkout, built: Built): Promise<void> {
  const before = checkout.recorded.before.generation?.toplevel;
  if (before === undefined) return;
  const { signal } = run.control;
  const aborted = Promise.withResolvers<undefined>();
  const giveUp = (): void => aborted.resolve(undefined);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  // a run that is to end does not wait for what is only nice to know
  const changes = await Promise.race([changesBetween(checkout.query, before, built.toplevel), aborted.promise]);
  signal.removeEventListener('abort', giveUp);
  if (changes) run.journal.append({ type: 'packages', ...bounded(changes) });
}

/** Undefined when nix cannot say. */
async function changesBetween(query: Query, before: string, after: string): Promise<PackageChange[] | undefined> {
  if (before === after) return [];
  const diff = await query(['nix', 'store', 'diff-closures', before, after, ...FLAKES]);
  if (diff.exitCode === 0) return parseClosureDiff(diff.stdout);
  // a Nix from before that command
  const closures = await Promise.all(
    [before, after].map(path => query(['nix-store', '--query', '--requisites', path])),
  );
  const [old, now] = closures.map(({ exitCode, stdout }) => (exitCode === 0 ? stdout.trim().split('\n') : []));
  return old && now && old.length > 0 && now.length > 0 && old[0] !== '' ? compareClosures(old, now) : undefined;
}
