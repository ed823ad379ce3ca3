// nixcfg in VS Code's window as a person meets it: lenses, hovers, an update whose lock is taken over and staged, an error
// that leads to its line. Relay and extension are real; the agent's runs, and the program nix, are written here.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { after, afterEach, before, describe, it } from 'mocha';
import { root } from '../../../scripts/test/files.ts';
import { oneStory } from '../../../scripts/test/one-story.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const OLD = 'a'.repeat(40);
const NEW = 'b'.repeat(40);
const NEWEST = 'c'.repeat(40);
const DAY = 86_400;

const FLAKE = `{
  description = "Hosts of a small office";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    nixfleet.url = "github:nixfleet/nixfleet";
    nixfleet.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs = { self, nixpkgs, nixfleet, ... }@inputs:
    let
      host = name: nixpkgs.lib.nixosSystem {
        specialArgs = { inherit inputs; };
        modules = [ ./hosts/\${name}.nix nixfleet.nixosModules.agent ];
      };
    in
    {
      nixosConfigurations = {
        ada = host "ada";
        grace = host "grace";
      };
    };
}
`;
const ADA = `{ lib, ... }:
{
  networking.hostName = "ada";
  services.foo = lib.undefinedThing;
}
`;

function lockText(rev: string, age: number): string {
  const locked = (owner: string, repo: string, at: string, days: number) => {
    const original = { owner, repo, type: 'github' };
    const lastModified = Math.floor(Date.now() / 1000) - days * DAY;
    return { locked: { lastModified, narHash: 'sha256-AAAA', ...original, rev: at }, original };
  };
  const nodes = {
    nixfleet: { inputs: { nixpkgs: ['nixpkgs'] }, ...locked('nixfleet', 'nixfleet', rev, age) },
    nixpkgs: locked('NixOS', 'nixpkgs', '1'.repeat(40), 9),
    root: { inputs: { nixfleet: 'nixfleet', nixpkgs: 'nixpkgs' } },
  };
  return `${JSON.stringify({ nodes, root: 'root', version: 7 }, null, 2)}\n`;
}

const LOCKS = { [OLD]: lockText(OLD, 12), [NEW]: lockText(NEW, 2), [NEWEST]: lockText(NEWEST, 1) };

const SOURCE = '/nix/store/vaqzzdlhirb3izv67a8pczn4fcxpvn3a-source';
const NIX_ERROR = [
  'error:',
  "       … while evaluating the attribute 'services'",
  '',
  "       error: attribute 'undefinedThing' missing",
  `       at ${SOURCE}/hosts/ada.nix:4:18:`,
  '            3|   networking.hostName = "ada";',
  '            4|   services.foo = lib.undefinedThing;',
  '             |                  ^',
];

describe('nixcfg in the window', function () {
  oneStory(this);
  const opened = new AsyncDisposableStack();
  let folder: string;
  let nixcfg: string;
  let ada: FakeAgent;
  let workbench: Workbench;

  const lens = (text: string | RegExp) => workbench.page.locator('.codelens-decoration', { hasText: text }).first();
  const lensLink = (text: string) => workbench.page.locator('.codelens-decoration a', { hasText: text });
  const lock = (): string => readFileSync(join(nixcfg, 'flake.lock'), 'utf8');
  const git = async (...args: string[]): Promise<string> => (await execa('git', args, { cwd: nixcfg })).stdout;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nixfleet-nixcfg-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    nixcfg = join(folder, 'nixcfg');
    mkdirSync(join(nixcfg, 'hosts'), { recursive: true });
    writeFileSync(join(nixcfg, 'flake.nix'), FLAKE);
    writeFileSync(join(nixcfg, 'flake.lock'), LOCKS[OLD] ?? '');
    writeFileSync(join(nixcfg, 'hosts/ada.nix'), ADA);
    writeFileSync(join(nixcfg, 'hosts/grace.nix'), '{ }\n');
    await git('init', '--quiet', '--initial-branch=main');
    await git('add', '.');
    await git(
      '-c',
      'user.name=Ana',
      '-c',
      'user.email=ana@example.org',
      'commit',
      '--quiet',
      '-m',
      'Hosts of the office',
    );
    const programs = join(folder, 'programs');
    mkdirSync(programs);
    writeFileSync(join(folder, 'newest.lock'), LOCKS[NEWEST] ?? '');
    writeFileSync(
      join(programs, 'nix'),
      `#!/bin/sh
       case "$*" in
         --version) echo 'nix (Nix) 2.26.3';;
         'flake update nixfleet --output-lock-file '*)
           echo "• Updated input 'nixfleet':" >&2
           cp "${folder}/newest.lock" "$5";;
         *nixosConfigurations*) echo '["ada","grace"]';;
         *) echo "error: flake 'x' does not provide attribute '\${4#.#.}'" >&2; exit 1;;
       esac`,
    );
    chmodSync(join(programs, 'nix'), 0o755);

    const relay = opened.use(
      await RelayProcess.start({
        data: join(folder, 'relay'),
        log: join(folder, 'relay.log'),
        listen: ['127.0.0.1:0'],
      }),
    );
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, await relay.operator('ana'), { mode: 0o600 });
    const input = { rev: OLD, lastModified: Math.floor(Date.now() / 1000) - 12 * DAY };
    ada = opened.use(
      await FakeAgent.connect({
        url: relay.url,
        host: 'ada',
        token: await relay.enroll('ada'),
        agent: { rev: OLD },
        status: { input, upstream: { rev: NEW, checkedAt: Date.now() } },
      }),
    );
    workbench = opened.use(
      await openWorkbench({
        folder: nixcfg,
        extensions: [root, join(root, 'test/vscode/nix-language')],
        env: {
          NIXFLEET_RELAY_URL: relay.url,
          NIXFLEET_RELAY_TOKEN_FILE: tokenFile,
          PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`,
        },
        size: { width: 1440, height: 900 },
      }),
    );
  });

  afterEach(function () {
    return workbench.keepFailure(this);
  });
  after(() => opened.disposeAsync());

  it('says above input and hosts what the fleet is, and which host is not enrolled', async () => {
    await workbench.openContainer('NixFleet');
    await workbench.treeItem('ada').waitFor();
    await workbench.treeItem(/grace.*not enrolled/).waitFor();
    await workbench.openFile('flake.nix');
    await lens('aaaaaaa · 12 d old · 1 of 1 hosts run it').waitFor();
    await lens('1.0.0 → bbbbbbb available').waitFor();
    await lens('not enrolled').waitFor();
    await workbench.picture('nixcfg');
  });

  it('tells of an input where it stands', async () => {
    await workbench.page.locator('.view-line span', { hasText: 'github:nixfleet/nixfleet' }).last().hover();
    await workbench.page.locator('.monaco-hover-content', { hasText: 'Hosts run' }).first().waitFor();
    await workbench.picture('nixcfg-hover', 'stay');
    await workbench.page.keyboard.press('Escape');
  });

  it('updates a host from the lens above it, and takes the lock of the run over', async () => {
    const asked = ada.nextRun();
    await lensLink('Update Agent').first().click();
    const run = await asked;
    run
      .phase('accepted')
      .phase('pulling')
      .event({ type: 'recorded', before: { input: { rev: OLD } } });
    run
      .whole('lock-before', LOCKS[OLD] ?? '')
      .phase('locking')
      .whole('lock-after', LOCKS[NEW] ?? '');
    run.event({ type: 'locked', input: 'nixfleet', before: { rev: OLD }, after: { rev: NEW }, changed: true });
    run
      .phase('building')
      .output('building the system\n')
      .phase('activating')
      .phase('confirming')
      .phase('committing')
      .end();
    const panel = await workbench.webview('ada');
    await panel.getByRole('button', { name: 'Use This Lock in Workspace' }).click();
    const { original, modified } = await workbench.diff();
    assert.ok(original.includes(OLD) && modified.includes(NEW));
    await workbench.notification('Write the lock of ada to the workspace?').waitFor();
    await workbench.picture('lock-take-over');
    assert.equal(lock(), LOCKS[OLD], 'nothing is written before it was said');
    await workbench.answerNotification('Write the lock of ada to the workspace?', 'Use This Lock');
    await waitUntil('the lock is written', () => lock() === LOCKS[NEW]);
    await workbench.answerNotification('flake.lock is that of ada now', 'Stage');
    await waitUntil('it is staged', async () => (await git('diff', '--cached', '--name-only')) === 'flake.lock');
    assert.equal(await git('diff', '--name-only'), '');
  });

  it('marks the host as long as its checkout is behind the workspace', async () => {
    await workbench
      .treeItem(/ada/)
      .filter({ hasText: 'available' })
      .or(workbench.treeItem(/ada.*behind/))
      .first()
      .waitFor();
    ada.sayStatus({ upstream: { rev: OLD, checkedAt: Date.now() } });
    await workbench.treeItem(/ada.*behind this workspace/).waitFor();
    await workbench.tab('flake.nix').click();
    await lens('1 host behind: Update Agent').waitFor();
    await workbench.picture('nixcfg-behind');
  });

  it('refuses a lock where the workspace went another way', async () => {
    const mine = (LOCKS[NEW] ?? '').replace('1'.repeat(40), '2'.repeat(40));
    writeFileSync(join(nixcfg, 'flake.lock'), mine);
    const asked = ada.nextRun();
    await workbench.contextMenu(workbench.treeItem('ada'), 'Update Agent');
    (await asked).succeed({
      before: { input: { rev: OLD } },
      after: { input: { rev: NEWEST } },
      lockBefore: LOCKS[OLD] ?? '',
      lockAfter: LOCKS[NEWEST] ?? '',
    });
    await workbench.treeItem('ada').filter({ hasNotText: 'updating' }).waitFor();
    await workbench.contextMenu(workbench.treeItem('ada'), 'Use This Lock in Workspace');
    const refusal = workbench.notification('has gone another way');
    await refusal.filter({ hasText: /nixpkgs \(2222222 here, 1111111 on ada\)/ }).waitFor();
    await workbench.picture('lock-refused');
    assert.equal(lock(), mine);
    writeFileSync(join(nixcfg, 'flake.lock'), LOCKS[NEW] ?? '');
    await workbench.clearNotifications();
  });

  it('updates the input here, with nix at work in the terminal, and asks before it writes', async () => {
    await workbench.command('NixFleet: Update nixfleet Input Here');
    await workbench.notification('Write the lock of the newest nixfleet to the workspace?').waitFor();
    const { modified } = await workbench.diff();
    assert.ok(modified.includes(NEWEST));
    await workbench.page.locator('.terminal-wrapper, .terminal').first().waitFor();
    await workbench.picture('update-input');
    assert.equal(lock(), LOCKS[NEW]);
    await workbench.answerNotification('Write the lock of the newest nixfleet', 'Use This Lock');
    await waitUntil('the lock is written', () => lock() === LOCKS[NEWEST]);
    await workbench.clearNotifications();
  });

  it('leads from an error of a run to its line in the workspace', async () => {
    await workbench.command('View: Close All Editors');
    const asked = ada.nextRun();
    await workbench.contextMenu(workbench.treeItem('ada'), 'Update Agent');
    const run = await asked;
    run
      .phase('accepted')
      .phase('pulling')
      .phase('building')
      .output(`${NIX_ERROR.join('\n')}\n`);
    const reason = { kind: 'evaluation', message: 'The configuration of ada does not evaluate.' };
    run.end({ outcome: 'failed', changed: false, reason, lastLines: NIX_ERROR });
    const panel = await workbench.webview('ada');
    const place = panel.getByRole('button', { name: /hosts\/ada\.nix:4/ });
    await place.waitFor();
    await workbench.picture('error-place');
    await place.click();
    await workbench.tab('ada.nix').waitFor();
    await workbench.page.locator('.view-line', { hasText: 'undefinedThing' }).first().waitFor();
    await workbench.page.locator('.statusbar-item', { hasText: 'Ln 4, Col 18' }).waitFor();
  });

  it('looks right in every theme', async () => {
    await workbench.tab('flake.nix').or(workbench.page.locator('.monaco-workbench')).first().waitFor();
    await workbench.openFile('flake.nix');
    await lens('1.0.0').waitFor();
    for (const theme of ['light', 'high-contrast', 'high-contrast-light', 'dark'] as const) {
      await workbench.setTheme(theme);
      await lens('1.0.0').waitFor();
      await workbench.picture(`nixcfg-${theme}`);
    }
  });

  it('logs no error of the extension', () => {
    const ours = workbench.log.filter(line => /nixfleet/i.test(line) && !/ERR_CONNECTION|ECONN/.test(line));
    assert.deepEqual(ours, []);
  });
});
