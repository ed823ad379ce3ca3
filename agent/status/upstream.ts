import * as z from 'zod';
import { flakeUrl, type FlakeRef } from '../../flake-lock/index.ts';
import { revSchema } from '../../protocol/index.ts';
import type { Query } from '../steps/query.ts';
import { firstLine } from './checkout.ts';

export type UpstreamResult =
  { readonly ok: true; readonly rev: string } | { readonly ok: false; readonly problem?: string };

const metadataSchema = z.object({
  revision: revSchema.optional(),
  locked: z.object({ rev: revSchema.optional() }).optional(),
});

/** Input types whose sources have revisions to ask for. */
const WITH_REVISIONS = new Set(['github', 'gitlab', 'sourcehut', 'git', 'hg', 'indirect']);

/** Asks nix for the newest revision of an input, past nix's caches. Not ok and without a problem: it has no revisions. */
export async function newestRevision(query: Query, original: FlakeRef): Promise<UpstreamResult> {
  if (!WITH_REVISIONS.has(original.type)) return { ok: false };
  const url = flakeUrl(original);
  const answer = await query([
    'nix',
    '--extra-experimental-features',
    'nix-command flakes',
    'flake',
    'metadata',
    '--json',
    '--refresh',
    '--no-write-lock-file',
    '--',
    url,
  ]);
  if (answer.exitCode !== 0) {
    return { ok: false, problem: `the newest revision of ${url} could not be found out: ${firstLine(answer.stderr)}` };
  }
  // nix falls back to what it has when the remote does not answer, and calls that a success
  const stale = /unable to connect|could not resolve host|using cached|cached version|Could not read from remote/i.exec(
    answer.stderr,
  );
  if (stale) return { ok: false, problem: `the remote of ${url} did not answer: ${firstLine(answer.stderr)}` };
  try {
    const { revision, locked } = metadataSchema.parse(JSON.parse(answer.stdout));
    const rev = revision ?? locked?.rev;
    return rev === undefined ? { ok: false } : { ok: true, rev };
  } catch {
    return { ok: false, problem: `nix flake metadata ${url} gave an answer that is not understood` };
  }
}
