/** The phase building: the owner builds the toplevel in the checkout; its manifest says which agent it carries. */
import { chownSync, mkdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildFailure } from '../steps/failures.ts';
import { buildCommand } from '../steps/nix.ts';
import { readManifest, STORE_PATH } from '../platform/rebuilder.ts';
import { runAsOwner, type Built, type Checkout, type RunContext } from './context.ts';
import { expectSuccess } from './expect-success.ts';
import { tellPackages } from './package-changes.ts';
import { fail } from './reason.ts';
import { NIX_RAW } from './render/renderer.ts';

/** Name of the out-link below the run's folder of roots. */
const RESULT = 'result';

export async function build(run: RunContext, checkout: Checkout): Promise<Built> {
  const { paths, rebuilder, config } = run;
  prepareRoots(paths.roots, checkout.owner);
  const link = join(paths.roots, RESULT);
  const step = await runAsOwner(run, checkout, buildCommand(rebuilder.buildAttribute, link), {
    raw: NIX_RAW,
    silence: config.deadlines.buildSilence,
  });
  if (step.totals && !step.notStarted) run.journal.append({ type: 'build-totals', ...step.totals });
  expectSuccess(step, 'nix build', output => buildFailure(output, `the configuration ${run.attribute}`));
  const toplevel = resultOf(link, config.platform === 'local' ? '' : (process.env['NIX_STORE_DIR'] ?? '/nix/store'));
  const manifest = readManifest(toplevel);
  if (!manifest.ok)
    fail(
      'no-agent-in-configuration',
      `the configuration ${run.attribute} carries no NixFleet agent (${manifest.message}); activating it would lose the host`,
      'Enable services.nixfleet-agent for this host in nixcfg, push, and run the update again.',
    );
  run.journal.append({ type: 'built', toplevel, manifest: manifest.manifest });
  run.steps.say(`built ${toplevel} with agent ${manifest.manifest.version}`);
  const built = { toplevel, manifest: manifest.manifest };
  await tellPackages(run, checkout, built);
  return built;
}

/** A folder of the owner's in the run directory, for the out-link that nix makes with the owner's rights. */
function prepareRoots(path: string, owner: Checkout['owner']): void {
  mkdirSync(path, { recursive: true, mode: 0o751 });
  rmSync(join(path, RESULT), { force: true });
  if (process.getuid?.() === 0) chownSync(path, owner.uid, owner.gid);
}

/**
 * The link lies in the owner's folder: it counts only if it leads straight to a store path.
 * @param store where store paths lie; in a try-out (`''`) anywhere
 */
function resultOf(link: string, store: string): string {
  let target: string;
  try {
    target = readlinkSync(link);
    if (realpathSync(link) !== target) target = '';
  } catch {
    target = '';
  }
  const folder = STORE_PATH.exec(target)?.[1];
  if (folder === undefined || (store !== '' && folder !== store))
    fail('internal', `nix build said that all went well, but ${link} does not lead to a store path`);
  return target;
}
