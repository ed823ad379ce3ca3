// A workspace that nobody has trusted: its flake leaves a mark when it is evaluated. Nothing may, until a person trusts it.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { root } from '../../../scripts/test/files.ts';
import { FakeAgent } from '../../support/fake-agent.ts';
import { RelayProcess } from '../../support/relay-process.ts';
import { openWorkbench, waitUntil, type Workbench } from '../workbench.ts';

const FLAKE = `{
  inputs.nixfleet.url = "github:nixfleet/nixfleet";
  outputs = { self, nixfleet }: {
    nixosConfigurations.ada = nixfleet.lib.host { };
    nixosConfigurations.bob = nixfleet.lib.host { };
  };
}
`;
const ORIGINAL = { type: 'github', owner: 'nixfleet', repo: 'nixfleet' };
const LOCK = {
  nodes: {
    nixfleet: { locked: { ...ORIGINAL, rev: 'a'.repeat(40), lastModified: 1_700_000_000 }, original: ORIGINAL },
    root: { inputs: { nixfleet: 'nixfleet' } },
  },
  root: 'root',
  version: 7,
};

describe('an untrusted workspace', () => {
  const opened = new AsyncDisposableStack();
  let mark: string;
  let workbench: Workbench;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nixfleet-untrusted-'));
    opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    mark = join(folder, 'mark');
    const nixcfg = join(folder, 'nixcfg');
    const programs = join(folder, 'programs');
    for (const path of [nixcfg, programs]) mkdirSync(path);
    writeFileSync(join(nixcfg, 'flake.nix'), FLAKE);
    writeFileSync(join(nixcfg, 'flake.lock'), JSON.stringify(LOCK));
    // whoever runs nix or git in the workspace leaves the mark, as a flake or a hook could
    for (const name of ['nix', 'git']) {
      writeFileSync(
        join(programs, name),
        `#!/bin/sh\ncase "$PWD" in "${nixcfg}"*) echo "${name} $*" >> "${mark}";; esac\nexit 1\n`,
      );
      chmodSync(join(programs, name), 0o755);
    }
    const relay = opened.use(
      await RelayProcess.start({
        data: join(folder, 'relay'),
        log: join(folder, 'relay.log'),
        listen: ['127.0.0.1:0'],
      }),
    );
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, await relay.operator('ana'), { mode: 0o600 });
    opened.use(await FakeAgent.connect({ url: relay.url, host: 'ada', token: await relay.enroll('ada') }));
    workbench = opened.use(
      await openWorkbench({
        folder: nixcfg,
        extensions: [root, join(root, 'test/vscode/nix-language')],
        env: {
          NIXFLEET_RELAY_URL: relay.url,
          NIXFLEET_RELAY_TOKEN_FILE: tokenFile,
          PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`,
        },
        workspaceTrust: true,
      }),
    );
  });

  afterEach(function () {
    return workbench.keepFailure(this);
  });
  after(() => opened.disposeAsync());

  it('shows what the text tells, and evaluates nothing', async () => {
    await workbench.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor();
    await workbench.openContainer('NixFleet');
    await workbench.treeItem(/ada.*1\.0\.0/).waitFor();
    await workbench.treeItem(/bob.*not enrolled/).waitFor();
    await workbench.openFile('flake.nix');
    const lenses = workbench.page.locator('.codelens-decoration');
    await lenses.filter({ hasText: 'not enrolled' }).first().waitFor();
    assert.equal(await lenses.filter({ hasText: 'Input Here' }).count(), 0, 'what would run nix is not offered');
    await workbench.picture('untrusted');
    assert.equal(existsSync(mark), false);
  });

  it('evaluates as soon as a person trusts it: the mark would have been left', async () => {
    await workbench.command('Workspaces: Manage Workspace Trust');
    await workbench.page.getByRole('button', { name: 'Trust', exact: true }).first().click();
    await waitUntil('nix was run', () => existsSync(mark));
  });
});
