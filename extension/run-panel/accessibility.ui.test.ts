import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { axeComplaints } from './preview/axe.ts';
import { SCENARIOS } from './preview/scenarios.ts';
import { Stage, type Shown } from './preview/stage.ts';
import { THEME_NAMES } from './preview/themes.ts';

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
    await evaluate(`for (const fold of document.querySelectorAll('details')) fold.open = true`);
    return axeComplaints(evaluate);
  }

  it('turns nothing for those who told the editor that they want no motion', async () => {
    const shown = await stage.show(SCENARIOS['building']!(), { theme: 'dark', width: 1000, height: 760 });
    await shown.evaluate(`document.body.classList.add('vscode-reduce-motion')`);
    const moving = await shown.evaluate(`document.getAnimations().length`);
    await shown.close();
    assert.equal(moving, 0);
  });

  it('speaks German, with its longer words, without breaking its width', async () => {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      for (const width of [400, 1000]) {
        const shown = await stage.show(scenario(), { theme: 'light', width, height: 760, language: 'de' });
        assert.equal(await shown.evaluate('document.documentElement.lang'), 'de');
        const broken =
          await shown.evaluate(`[...document.querySelectorAll('.page, .top, .side, .fold-body, .step-name')]
          .filter(element => element.scrollWidth > element.clientWidth + 1).map(element => element.className)`);
        await shown.close();
        assert.deepEqual(broken, [], `${name} at ${width}`);
      }
    }
  });

  for (const theme of THEME_NAMES) {
    it(`has nothing that axe complains of while something is found, ${theme}`, async () => {
      const shown = await stage.show(SCENARIOS['building']!(), { theme, width: 1000, height: 760 });
      await shown.until(`document.querySelector('.row-text:not(:empty)') !== null`);
      await shown.page.keyboard.press('Control+f');
      await shown.page.keyboard.type('warning');
      await shown.until(`document.querySelector('mark[data-current]') !== null`);
      const found = await complaints(shown);
      await shown.close();
      assert.deepEqual(found, []);
    });

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
