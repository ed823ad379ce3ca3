// `npm run icon`: draws extension/icons/marketplace.png from the .svg beside it, as the Marketplace wants it: a PNG. With a
// FOLDER it also shows there how it looks at 32 pixels, on dark and on light.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { startBrowser } from '../../test/vscode/browser.ts';
import { root } from '../test/files.ts';

const SIZE = 256;
const icons = join(root, 'extension/icons');
const svg = readFileSync(join(icons, 'marketplace.svg'), 'utf8');
const [folder] = process.argv.slice(2);

const browser = await startBrowser();
try {
  const page = await browser.newPage({ viewport: { width: SIZE, height: SIZE } });
  await page.setContent(`<style>body { margin: 0 } svg { display: block }</style>${svg}`);
  await page.screenshot({ path: join(icons, 'marketplace.png'), omitBackground: true });
  if (folder !== undefined) await small(page, folder);
} finally {
  await browser.close();
}

async function small(page: Page, where: string): Promise<void> {
  const source = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  const on = (colour: string): string =>
    `<span style="display: inline-block; padding: 16px; background: ${colour}"><img src="${source}" width="32"></span>`;
  await page.setContent(`<body style="margin: 0; zoom: 2">${on('#1f1f1f')}${on('#ffffff')}`);
  await page.screenshot({ path: join(where, 'icon-at-32.png') });
}
