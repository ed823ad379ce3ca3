// A window on a fleet of one host, `web`: relay and VS Code are real, what the agent's runs do is written by the test.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/test/files.ts';
import { FakeAgent } from '../support/fake-agent.ts';
import { RelayProcess } from '../support/relay-process.ts';
import { openWorkbench, type Workbench, type WorkbenchOptions } from './workbench.ts';

export interface OneHost {
  readonly relay: RelayProcess;
  readonly agent: FakeAgent;
  /** At the Hosts view. */
  readonly workbench: Workbench;
  /** The workspace's folder. */
  readonly nixcfg: string;
  /** Where all of it lies, and a test may put more. */
  readonly folder: string;
}

export interface OneHostOptions extends Pick<WorkbenchOptions, 'language' | 'settings'> {
  /** Files of the workspace: name and text. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Opens it; everything ends with the stack. */
export async function openOneHost(opened: AsyncDisposableStack, options: OneHostOptions = {}): Promise<OneHost> {
  const { files = {}, ...window } = options;
  const folder = mkdtempSync(join(tmpdir(), 'nixfleet-window-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const relay = opened.use(
    await RelayProcess.start({
      data: join(folder, 'relay'),
      log: join(folder, 'relay.log'),
      listen: ['127.0.0.1:0'],
    }),
  );
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, await relay.operator('ana'), { mode: 0o600 });
  const token = await relay.enroll('web');
  const agent = opened.use(await FakeAgent.connect({ url: relay.url, host: 'web', token }));
  const nixcfg = join(folder, 'nixcfg');
  mkdirSync(nixcfg);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(nixcfg, name), text);
  const env = { NIXFLEET_RELAY_URL: relay.url, NIXFLEET_RELAY_TOKEN_FILE: tokenFile };
  const workbench = opened.use(await openWorkbench({ folder: nixcfg, extensions: [root], env, ...window }));
  await workbench.openContainer('NixFleet');
  return { relay, agent, workbench, nixcfg, folder };
}
