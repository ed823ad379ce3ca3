/**
 * `node extension/run-panel/preview/shots.ts FOLDER [SCENARIO…] [--theme=NAME] [--size=WIDTHxHEIGHT] [--german] [--find=TEXT]` takes a
 * picture of the run panel in each scenario. Needs Chromium (`CHROMIUM_PATH`).
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.ts';
import { Stage } from './stage.ts';
import { THEME_NAMES } from './themes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    theme: { type: 'string', default: 'dark' },
    size: { type: 'string', default: '1000x760' },
    german: { type: 'boolean' },
    find: { type: 'string' },
  },
});
const [folder, ...names] = positionals;
const theme = THEME_NAMES.find(name => name === values.theme);
const language = values.german ? 'de' : 'en';
const [width = 1000, height = 760] = values.size.split('x').map(Number);
if (folder === undefined || theme === undefined) {
  console.error(`usage: shots.ts FOLDER [${Object.keys(SCENARIOS).join(' ')}] [--theme=${THEME_NAMES.join('|')}]`);
  process.exit(2);
}

await mkdir(folder, { recursive: true });
const stage = await Stage.open();
try {
  for (const name of names.length > 0 ? names : Object.keys(SCENARIOS)) {
    const scenario = SCENARIOS[name];
    if (!scenario) throw new Error(`there is no scenario ${name}`);
    const shown = await stage.show(scenario(), { theme, width, height, language });
    await shown.until(`document.querySelector('.row-text:not(:empty), .empty-output:not([hidden])') !== null`);
    if (values.find !== undefined) {
      await shown.page.keyboard.press('Control+f');
      await shown.page.keyboard.type(values.find);
      await shown.until(`document.querySelector('mark[data-current]') !== null`);
    }
    await shown.page.screenshot({
      path: join(folder, `${name}.${theme}.${width}${language === 'en' ? '' : `.${language}`}.png`),
    });
    for (const trouble of shown.troubles) console.error(`${name}: ${trouble}`);
    await shown.close();
  }
} finally {
  await stage.close();
}
