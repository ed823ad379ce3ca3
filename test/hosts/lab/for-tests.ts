import { join } from 'node:path';
import { after, before } from 'mocha';
import { cannotRun } from '../../../scripts/test/cannot-run.ts';
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
    const reason = await Lab.unsupported();
    if (reason !== undefined) cannotRun(this, reason);
    lab = await Lab.create({ log: line => console.error(`      ${line}`), ...options });
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
