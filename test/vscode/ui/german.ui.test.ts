// A window whose language is German: what a person reads of NixFleet is German, in the view, its menu, the panel and the
// notification.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import { oneStory } from '../../../scripts/test/one-story.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import type { FakeRun } from '../../support/fake-run.ts';
import { openOneHost } from '../one-host.ts';
import type { Workbench } from '../workbench.ts';

describe('a German window', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let agent: FakeAgent;
  let workbench: Workbench;
  let run: FakeRun;

  before(async () => {
    ({ agent, workbench } = await openOneHost(opened, { language: 'de' }));
  });

  after(() => opened.disposeAsync());

  afterEach(function () {
    return workbench.keepFailure(this);
  });

  it('has a German row, menu and status', async () => {
    const row = workbench.treeItem('web').filter({ hasText: '1.0.0' });
    const entries = await workbench.openContextMenu(row);
    await workbench.picture('german-menu');
    await workbench.dismissMenu();
    assert.equal(entries[0], 'Agent aktualisieren');
    assert.deepEqual(
      entries.filter(entry => /\b(?:Show|Update|Cancel|Run|Copy|Refresh)\b/.test(entry)),
      [],
    );
  });

  it('tells of an update in German, in view and panel', async () => {
    const asked = agent.nextRun();
    await workbench.contextMenu(workbench.treeItem('web'), 'Agent aktualisieren');
    run = await asked;
    run.phase('accepted').phase('building').output('building the system\n');
    await workbench.treeItem('web').filter({ hasText: 'wird aktualisiert' }).waitFor();
    const panel = await workbench.webview('web');
    await panel.getByText('building the system').waitFor();
    await panel.getByRole('button', { name: 'Abbrechen' }).waitFor();
    await workbench.picture('german-panel');
  });

  it('tells the outcome in German', async () => {
    run.phase('activating').phase('confirming').phase('committing').end();
    await workbench.notification(/web wurde (?:in .+ )?aktualisiert/).waitFor();
    await workbench.picture('german-outcome');
  });
});
