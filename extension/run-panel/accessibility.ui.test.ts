import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { after, before, describe, it } from 'mocha';
import { SCENARIOS } from './preview/scenarios.ts';
import { Stage, type Shown } from './preview/stage.ts';
import { THEME_NAMES } from './preview/themes.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('the page of the run panel, for everybody', function () {
  this.timeout(120_000);
  let stage: Stage;

  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage.close());

  /** Everything that axe has to complain of: rule, element, and why. */
  async function complaints({ evaluate, until }: Shown): Promise<string[]> {
    await until(`document.querySelector('.row-text:not(:empty), .empty-output:not([hidden])') !== null`);
    await evaluate(axe);
    const { violations } = await evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ target, failureSummary = '' }) => `${impact ?? ''} ${id} ${target.join(' ')} ${failureSummary}`),
    );
  }

  for (const theme of THEME_NAMES) {
    it(`has nothing that axe complains of, in any state, ${theme}`, async () => {
      for (const [name, scenario] of Object.entries(SCENARIOS)) {
        const shown = await stage.show(scenario(), { theme, width: 1000, height: 760 });
        const found = await complaints(shown);
        await shown.close();
        assert.deepEqual(found, [], name);
      }
    });
  }
});
