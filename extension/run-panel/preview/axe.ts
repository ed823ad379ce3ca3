/** What axe finds in a page, as sentences. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Everything that axe has to complain of in a document, of whatever weight: rule, element, and why.
 * @param evaluate runs a program in the document and gives its value
 */
export async function axeComplaints(evaluate: <T>(program: string) => Promise<T>): Promise<string[]> {
  await evaluate(AXE);
  const { violations } = await evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${impact ?? ''} ${id} ${target.join(' ')} ${failureSummary}`),
  );
}
