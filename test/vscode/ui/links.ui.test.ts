// Links from outside, `vscode://nixfleet.nixfleet/…`, opened as VS Code opens them: it asks first, and so does what would
// change anything.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { FakeRun } from '../../support/fake-run.ts';
import { openOneHost } from '../one-host.ts';
import { waitUntil, type Workbench } from '../workbench.ts';

const NIXFLEET = 'vscode://nixfleet.nixfleet';

describe('a link from outside', () => {
  const opened = new AsyncDisposableStack();
  let workbench: Workbench;
  let run: FakeRun;

  before(async () => {
    const { agent, ...window } = await openOneHost(opened);
    ({ workbench } = window);
    const asked = agent.nextRun();
    await workbench.contextMenu(workbench.treeItem('web'), 'Update Agent');
    run = await asked;
    run.phase('accepted').phase('building').output('what was built\n').phase('activating').phase('confirming');
    run.phase('committing').end();
    await workbench.notification('web was updated').waitFor();
    await workbench.clearNotifications();
    await workbench.command('View: Close All Editors');
  });

  after(() => opened.disposeAsync());

  afterEach(async function () {
    await workbench.keepFailure(this);
  });

  /** As the system hands it over; VS Code asks whether the extension may have it. */
  async function open(link: string): Promise<void> {
    await workbench.command('Developer: Open URL');
    await workbench.answer('URL to open', link);
    await workbench.dialog.getByText("Allow 'NixFleet' extension to open this URI?").waitFor();
    await workbench.dialog.getByRole('button', { name: 'Open', exact: true }).click();
  }

  it('shows the run that it names', async () => {
    await open(`${NIXFLEET}/run/${run.runId}`);
    const panel = await workbench.webview('web: update');
    await panel.getByText('what was built').waitFor();
  });

  it('reveals the host that it names', async () => {
    await workbench.openContainer('Explorer');
    await open(`${NIXFLEET}/host/web`);
    await workbench.treeItem('web').filter({ hasText: '1.0.0' }).waitFor();
    const isSelected = async (): Promise<boolean> =>
      (await workbench.treeItem('web').getAttribute('aria-selected')) === 'true';
    await waitUntil('its row is selected', isSelected);
  });

  it('asks before it leads to another relay, and changes nothing by itself', async () => {
    await open(`${NIXFLEET}/connect?relay=wss://relay.example.org`);
    await workbench.notification('connect to relay.example.org instead of').waitFor();
    await workbench.picture('link-asks');
    await workbench.treeItem('web').filter({ hasText: '1.0.0' }).waitFor();
    await workbench.answerNotification('connect to relay.example.org instead of', 'Connect…');
    // the URL stands there to be read and changed
    await workbench.quickInput.filter({ hasText: '(1/2)' }).waitFor();
    assert.equal(
      await workbench.quickInput.locator('input[type=text]').first().inputValue(),
      'wss://relay.example.org',
    );
    await workbench.page.keyboard.press('Escape');
    await workbench.treeItem('web').filter({ hasText: '1.0.0' }).waitFor();
  });

  it('that brings a token is not opened', async () => {
    await open(`${NIXFLEET}/connect?relay=wss://relay.example.org&token=secret`);
    await workbench.notification('A token is never put into a link').waitFor();
  });
});
