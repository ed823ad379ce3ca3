import { join } from 'node:path';
import { after, before, type Context } from 'mocha';
import { cannotRun } from '../../../scripts/test/cannot-run.ts';
import type { TestHost } from './host.ts';
import { Lab, type LabOptions } from './lab.ts';

/** An agent without any of the real one's abilities, for tests of the lab itself. */
export const PLACEHOLDER_AGENT = join(import.meta.dirname, 'fixtures', 'placeholder-agent.mjs');

/**
 * Gives the suite it is called in a lab, made before its first test and closed after its last. Where no hosts can be booted
 * the tests are skipped, with the reason.
 */
export function useLab(options: LabOptions = {}): () => Lab {
  let lab: Lab | undefined;
  before(async function () {
    this.timeout(600_000);
    lab = await createLab(this, options);
  });
  after(async function () {
    this.timeout(60_000);
    await lab?.close();
  });
  return () => {
    if (!lab) throw new Error('the lab is there once the tests run');
    return lab;
  };
}

/** A lab with one host, which several suites use. */
export interface SharedHost {
  readonly lab: Lab;
  readonly host: TestHost;
}

let shared: Promise<SharedHost> | undefined;

/**
 * Gives the suite it is called in a host that all suites of this process share: made at the first use, gone with the last test.
 * It has Nix and the lab's repositories, and no generation. Whoever uses it leaves nothing on it that another could stumble over.
 */
export function useSharedHost(): () => SharedHost {
  let here: SharedHost | undefined;
  before(async function () {
    this.timeout(600_000);
    here = await (shared ??= share(this));
  });
  return () => {
    if (!here) throw new Error('the host is there once the tests run');
    return here;
  };
}

async function share(context: Context): Promise<SharedHost> {
  const lab = await createLab(context, { agent: PLACEHOLDER_AGENT });
  let suite = context.runnable().parent;
  while (suite?.parent) suite = suite.parent;
  suite?.afterAll('the shared host goes away', function () {
    this.timeout(60_000);
    return lab.close();
  });
  return { lab, host: await lab.boot('h1') };
}

async function createLab(context: Context, options: LabOptions): Promise<Lab> {
  const reason = await Lab.unsupported();
  if (reason !== undefined) cannotRun(context, reason);
  return Lab.create({ log: line => console.error(`      ${line}`), ...options });
}
