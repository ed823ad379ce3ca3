// The main job as a person does it: in VS Code's window, against a real relay and real hosts. The pictures of the README
// are taken here (UPDATE_IMAGES=1).
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { after, afterEach, before, describe, it } from 'mocha';
import { root } from '../../../scripts/test/files.ts';
import type { RunId } from '../../../protocol/index.ts';
import { agentPid, assertNothingWasLost, assertUpdatedTo, runDirectory } from '../../fleet/oracle.ts';
import type { BuildFault } from '../../hosts/lab/faults.ts';
import { Lab } from '../../hosts/lab/lab.ts';
import type { TestHost } from '../../hosts/lab/host.ts';
import { Fleet } from '../../support/fleet.ts';
import type { Operator, WatchedRun } from '../../support/operator.ts';
import { cannotRun } from '../../../scripts/test/cannot-run.ts';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

describe('Update Agent from the tree in VS Code', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let fleet: Fleet;
  let operator: Operator;
  let ada: TestHost;
  let grace: TestHost;
  let workbench: Workbench;

  before(async function () {
    const reason = await Lab.unsupported();
    if (reason !== undefined) cannotRun(this, reason);
    fleet = opened.use(await Fleet.create({ hosts: ['ada', 'grace'], log: line => console.log(`      ${line}`) }));
    ada = await fleet.addHost('ada');
    grace = await fleet.addHost('grace');
    operator = await fleet.operator();
    await operator.waitFor('both agents', () => ['ada', 'grace'].every(name => operator.hosts.get(name)?.online));
    const workspace = join(fleet.lab.folder, 'workspace');
    await execa('git', ['clone', '--quiet', fleet.lab.nixcfg.bare, workspace]);
    const tokenFile = join(fleet.lab.folder, 'operator-token');
    await execa('sh', ['-c', 'umask 077; cat > "$1"', 'sh', tokenFile], { input: fleet.operatorToken });
    workbench = opened.use(
      await openWorkbench({
        folder: workspace,
        extensions: [root],
        env: { NIXFLEET_RELAY_URL: fleet.relay.url, NIXFLEET_RELAY_TOKEN_FILE: tokenFile },
        size: { width: 1440, height: 900 },
      }),
    );
  });

  afterEach(async function () {
    if (this.currentTest?.isFailed())
      console.log(`      as it looked then: ${await workbench.picture('failed/main-job')}`);
  });
  after(() => opened.disposeAsync());

  /** Gives a host something to build that takes its time, by a commit that reads as one does. */
  async function letBuild(host: string, build: BuildFault, message: string): Promise<void> {
    const { nixcfg } = fleet.lab;
    await nixcfg.commit({ [nixcfg.path(`hosts/${host}.faults.json`)]: JSON.stringify({ build }) }, message);
  }

  /** The newest run of a host that the relay knows, once it is another than `than`. */
  async function newRun(host: string, than?: RunId): Promise<WatchedRun> {
    const runId = await operator.waitFor(`a run of ${host}`, () => {
      const newest = operator.hosts.get(host)?.runs[0]?.runId;
      return newest !== than && newest;
    });
    return operator.watch(runId);
  }

  it('shows the hosts with their versions, and which has something to update', async () => {
    await workbench.openContainer('NixFleet');
    for (const name of ['ada', 'grace']) await workbench.treeItem(name).filter({ hasText: '1.0.0' }).waitFor();
    await fleet.lab.nixfleet.publish('1.1.0');
    await workbench.contextMenu(workbench.treeItem('grace'), 'Refresh Host');
    await workbench.treeItem('grace').filter({ hasText: 'available' }).waitFor();
    await workbench.picture('hosts');
  });

  it('updates a host on a click, with output while it builds, and shows what came of it', async () => {
    await letBuild('ada', { lines: 250, msPerLine: 30 }, 'Add the handbook to ada');
    const entries = await workbench.openContextMenu(workbench.treeItem('ada'));
    assert.equal(entries[0], 'Update Agent');
    await workbench.picture('context-menu');
    await workbench.dismissMenu();
    await workbench.contextMenu(workbench.treeItem('ada'), 'Update Agent');

    const run = await newRun('ada');
    const panel = await workbench.webview('ada');
    await panel
      .getByText(/building part \d+ of 250/)
      .first()
      .waitFor();
    assert.equal(run.state.phase, 'building', 'output streams while it builds');
    await workbench.treeItem('ada').filter({ hasText: 'updating · building' }).waitFor();
    await workbench.picture('building');

    await operator.finished(run.runId);
    await assertUpdatedTo(ada, run, '1.1.0');
    await panel.getByText('Updated', { exact: true }).first().waitFor();
    for (const version of ['1.0.0', '1.1.0']) await panel.getByText(version).first().waitFor();
    const [before, after] = [run.state.lock?.before?.rev, run.state.lock?.after.rev];
    assert.ok(before && after);
    const row = panel
      .getByRole('row', { name: 'nixfleet' })
      .or(panel.locator('tr', { hasText: 'nixfleet' }))
      .first();
    await row
      .filter({ hasText: before.slice(0, 7) })
      .filter({ hasText: after.slice(0, 7) })
      .waitFor();
    // until the host has looked at itself again, its row still says what was new before
    await workbench.treeItem('ada').filter({ hasText: '1.1.0', hasNotText: 'available' }).waitFor();
    await workbench.notification('ada was updated').waitFor();
    await workbench.clearNotifications();
    await workbench.picture('run-panel');
  });

  it('opens both locks in the diff editor', async () => {
    const run = await newRun('ada');
    const panel = await workbench.webview('ada');
    await panel.getByRole('button', { name: 'Open in Diff Editor' }).click();
    const { original, modified } = await workbench.diff();
    await workbench.clearNotifications();
    assert.match(original, new RegExp(run.state.lock?.before?.rev ?? 'no rev'));
    assert.match(modified, new RegExp(run.state.lock?.after.rev ?? 'no rev'));
    await workbench.picture('lock-diff');
  });

  it('writes the output of the host to a channel of its own', async () => {
    await workbench.openOutput('NixFleet: ada');
    await workbench.outputLine('nixfleet: succeeded');
  });

  it('shows the panel in every theme', async () => {
    await workbench.webview('ada');
    for (const theme of ['light', 'high-contrast', 'high-contrast-light', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.picture(`theme-${theme}`);
    }
  });

  it('keeps every byte in its own file when the agent and then the relay are killed while it builds', async () => {
    await letBuild('ada', { lines: 400, msPerLine: 20 }, 'Print the handbook of ada anew');
    const last = operator.hosts.get('ada')?.runs[0]?.runId;
    await fleet.lab.nixfleet.publish('1.2.0');
    await workbench.contextMenu(workbench.treeItem('ada'), 'Update Agent');
    const run = await newRun('ada', last);
    await operator.waitFor('output of the build', () => run.output.includes('building part 60 of 400'));
    await ada.run(['kill', '-9', String(await agentPid(ada))]);
    await operator.waitFor('output after that', () => run.output.includes('building part 160 of 400'));
    await fleet.relay.kill();
    await fleet.relay.start();
    await operator.finished(run.runId);
    assertNothingWasLost(ada, run);
    await assertUpdatedTo(ada, run, '1.2.0');

    const written = ada.readBytes(`${runDirectory(run.runId)}/output.log`);
    const kept = (): Buffer | undefined =>
      globSync(`data/User/workspaceStorage/*/nixfleet.nixfleet/runs/*/**/${run.runId}*`, {
        cwd: workbench.server.dataDir,
      })
        .map(file => readFileSync(join(workbench.server.dataDir, file)))
        .find(bytes => bytes.equals(written));
    await waitUntil('the extension to have kept the same bytes', () => kept() !== undefined);
    const panel = await workbench.webview(/ada/);
    await panel.getByText('nixfleet: succeeded').waitFor();
  });

  it('brings two selected hosts to the same revision although a newer one is pushed in between', async () => {
    await fleet.lab.nixcfg.setFaults('ada');
    const wanted = await fleet.lab.nixfleet.publish('1.3.0');
    // rows that are about to be sorted anew are hard to click
    for (const name of ['ada', 'grace']) {
      await workbench.contextMenu(workbench.treeItem(name), 'Refresh Host');
      await workbench
        .treeItem(name)
        .filter({ hasText: `${wanted.slice(0, 7)} available` })
        .waitFor();
    }
    const before = ['ada', 'grace'].map(name => operator.hosts.get(name)?.runs[0]?.runId);
    await workbench.select('ada', 'grace');
    await workbench.contextMenu(workbench.treeItem('grace'), 'Update Agent');
    const first = await newRun('ada', before[0]);
    await fleet.lab.nixfleet.publish('1.4.0');
    const second = await newRun('grace', before[1]);
    for (const [host, run] of [
      [ada, first],
      [grace, second],
    ] as const) {
      await operator.finished(run.runId);
      await assertUpdatedTo(host, run, '1.3.0');
      assert.equal(run.state.lock?.after.rev, wanted);
    }
  });

  it('shows an update of a host that is off as queued, and does it when the host is back', async () => {
    const last = operator.hosts.get('grace')?.runs[0]?.runId;
    await grace.shutdown();
    await workbench.treeItem('grace').filter({ hasText: 'offline' }).waitFor();
    await workbench.select('grace'); // alone: both are selected still
    await workbench.contextMenu(workbench.treeItem('grace'), 'Update Agent');
    await workbench.treeItem('grace').filter({ hasText: 'queued' }).waitFor();
    await workbench.picture('queued');
    const run = await newRun('grace', last);
    await grace.bootAgain();
    await operator.finished(run.runId);
    await assertUpdatedTo(grace, run, '1.4.0');
  });

  it('says in which phase a failed update ended, why, and what to do', async () => {
    await fleet.lab.nixcfg.setFaults('grace', { evaluation: 'the option services.nginx.vhosts does not exist' });
    const last = operator.hosts.get('grace')?.runs[0]?.runId;
    await fleet.lab.nixfleet.publish('1.5.0');
    await workbench.command('View: Close All Editors');
    await workbench.command('View: Hide Panel');
    await workbench.clearNotifications();
    await workbench.contextMenu(workbench.treeItem('grace'), 'Update Agent');
    const run = await newRun('grace', last);
    await operator.finished(run.runId);
    assert.equal(run.state.end?.outcome, 'failed');
    const panel = await workbench.webview('grace');
    await panel.getByText('Failed while building').first().waitFor();
    await panel.getByText('services.nginx.vhosts').first().waitFor();
    await workbench.notification('Updating grace failed').waitFor();
    await workbench.clearNotifications();
    await workbench.picture('failed');
  });

  it('logs no error of the extension', () => {
    assert.deepEqual(
      workbench.log.filter(line => /nixfleet/i.test(line) && !/ERR_CONNECTION|ECONN/.test(line)),
      [],
    );
  });
});
