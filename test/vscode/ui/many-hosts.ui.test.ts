// The Hosts view with as many hosts as a large fleet has: filter, find, and that one change draws one row.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Locator } from 'playwright-core';
import { root } from '../../../scripts/test/files.ts';
import { BigFleet, bigFleetHost, manyHosts, updating, WATCH_DRAWN_ROWS } from '../../support/big-fleet.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const LONG = `${'a-host-with-a-name-that-is-as-long-as-names-of-hosts-ever-may-'.slice(0, 62)}x`;

describe('the Hosts view of a fleet of 5,000', () => {
  const opened = new AsyncDisposableStack();
  let fleet: BigFleet;
  let workbench: Workbench;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-many-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true }));
    fleet = opened.use(await BigFleet.start(manyHosts(5000)));
    mkdirSync(join(folder, 'nixcfg'));
    workbench = opened.use(await openWorkbench({ folder: join(folder, 'nixcfg'), extensions: [root], env: fleet.env }));
    await workbench.openContainer('NixFleet');
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  const rows = (): Locator => workbench.page.locator('.sidebar').getByRole('treeitem');
  const list = (): Locator => workbench.page.locator('.sidebar .monaco-list').first();
  const message = (): Locator => workbench.page.locator('.sidebar .message');

  it('shows what needs attention first, and draws only the rows in sight', async () => {
    await workbench.treeItem('host-0000').filter({ hasText: 'update failed' }).waitFor();
    await workbench.page.locator('.sidebar [role=treeitem][aria-setsize="5000"]').first().waitFor();
    assert.ok((await rows().count()) < 100);
    await workbench.picture('many-hosts');
  });

  it('draws one row again when one host changes', async () => {
    await workbench.page.evaluate(WATCH_DRAWN_ROWS);
    fleet.put(bigFleetHost(50, '2.9.9'));
    await workbench.treeItem('host-0050').filter({ hasText: '2.9.9' }).waitFor();
    assert.deepEqual(await workbench.page.evaluate<string[]>('drawn()'), ['host-0050']);
  });

  it('moves a host when it comes to need attention', async () => {
    const { host: _, ...other } = bigFleetHost(10);
    fleet.put({ ...other, host: 'a-new-one' });
    await workbench.treeItem('a-new-one').filter({ hasText: 'update failed' }).waitFor();
  });

  it('follows, below an open host, what is said of it', async () => {
    await workbench.treeItem('host-0000').click();
    await workbench.treeItem('System').filter({ hasText: 'generation 42' }).waitFor();
    const host = bigFleetHost(0);
    assert.ok(host.status?.generation);
    const generation = { ...host.status.generation, number: 43 };
    fleet.put({ ...host, status: { ...host.status, generation } });
    await workbench.treeItem('System').filter({ hasText: 'generation 43' }).waitFor();
    await workbench.treeItem('host-0000').click();
    await workbench.treeItem('System').waitFor({ state: 'hidden' });
  });

  it('finds a host by its name', async () => {
    const box = workbench.page.locator('.sidebar .monaco-tree-type-filter').getByRole('textbox');
    await list().focus();
    await workbench.page.keyboard.press('F3');
    await box.fill('host-4321');
    await workbench.treeItem('host-4321').waitFor();
    await workbench.picture('many-hosts-found');
    await box.press('Escape');
    await box.waitFor({ state: 'hidden' });
    await list().press('Home');
    await workbench.treeItem('a-new-one').waitFor();
  });

  // each row that is drawn takes the focus from the tree's own box: VS Code gives it back to the rows
  it('finds a host by its name while rows are drawn, and goes to it', async () => {
    const { page, quickInput } = workbench;
    const box = quickInput.getByRole('textbox');
    const isDrawn = (version: string): Promise<void> =>
      workbench.treeItem('host-0000').filter({ hasText: version }).waitFor();
    await list().focus();
    await page.keyboard.press('Control+f');
    await box.waitFor();
    for (const [index, letters] of ['ho', 'st', '-', '12', '34'].entries()) {
      fleet.put(bigFleetHost(0, `3.0.${index}`));
      await isDrawn(`3.0.${index}`);
      await page.keyboard.type(letters);
    }
    await quickInput.getByRole('option', { name: 'host-1234' }).waitFor();
    await workbench.picture('many-hosts-find');
    await page.keyboard.press('Enter');
    await workbench.page.locator('.sidebar [role=treeitem].selected', { hasText: 'host-1234' }).waitFor();
    await list().press('Home');
    await workbench.treeItem('a-new-one').waitFor();
  });

  it('shows only the states that were chosen, says which, and keeps that over a reload', async () => {
    await workbench.command('NixFleet: Filter Hosts by State…');
    await workbench.quickInput.getByText('1000 hosts').first().waitFor();
    await workbench.picture('filter-hosts');
    await workbench.pick('Update available', 'Updating');
    await message().getByText('Shown: Update available, Updating.').waitFor();
    await list().press('Home');
    await workbench.treeItem('host-0001').waitFor();
    await message().getByText('Shown: Update available, Updating.').waitFor();
    for (const label of await rows().allInnerTexts()) assert.match(label, /available|updating/);
    await workbench.picture('many-hosts-filtered');
    fleet.put(updating(bigFleetHost(3)));
    await workbench.treeItem('host-0003').filter({ hasText: 'updating · building' }).waitFor();
    await workbench.reload();
    await workbench.treeItem('host-0003').waitFor();
    await message().getByText('Shown: Update available, Updating.').waitFor();
  });

  it('offers to clear a filter that leaves no host, and shows a host that it hides when asked to', async () => {
    await workbench.command('NixFleet: Filter Hosts by State…');
    for (const state of ['Update available', 'Updating', 'Never connected']) {
      await workbench.quickInput.locator('.monaco-list-row', { hasText: state }).first().click();
    }
    await workbench.page.keyboard.press('Enter');
    const button = workbench.page.locator('.sidebar').getByRole('button', { name: 'Clear Filter' }).last();
    await workbench.page.getByText('No host is in a state that the filter shows.').waitFor();
    await workbench.picture('many-hosts-none');
    await button.click();
    await workbench.treeItem('a-new-one').waitFor();
    await waitUntil('nothing is said of a filter', async () => (await message().getByText('Shown').count()) === 0);
  });

  it('can be read in every theme, with names of any length', async () => {
    fleet.put({ ...bigFleetHost(10), host: LONG });
    await workbench.treeItem(LONG).waitFor();
    for (const theme of ['light', 'high-contrast', 'high-contrast-light', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.picture(`many-hosts-${theme}`);
    }
  });
});
