/** Opens VS Code on the demo's nixcfg with this checkout's extension, connected: on the desktop, or in the browser. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { ensureServer } from '../../test/vscode/setup.ts';
import { startServer } from '../../test/vscode/server.ts';
import type { Demo, Say } from './demo.ts';
import { ROOT } from './dist.ts';

/** Opens the editor and waits until it ends or `interrupted` aborts; then everything of it is gone. */
export async function openEditor(demo: Demo, say: Say, interrupted: AbortSignal): Promise<void> {
  const tokenFile = join(demo.folder, 'operator-token');
  writeFileSync(tokenFile, `${demo.operatorToken}\n`, { mode: 0o600 });
  const env = { NIXFLEET_RELAY_URL: demo.relayUrl, NIXFLEET_RELAY_TOKEN_FILE: tokenFile };
  const [, second] = demo.hosts;
  const hint = [
    '',
    `Open the NixFleet view, right-click ${second}, and pick Update Agent.`,
    ...Object.entries(demo.logs).map(([what, where]) => `Log of the ${what}: ${where}`),
    'Ctrl-C ends the demo, its hosts and their data.',
  ];
  if (await hasDesktopCode()) {
    say(['', 'Opening VS Code.', ...hint].join('\n'));
    await desktop(demo, env, interrupted);
  } else {
    await inBrowser(demo, env, interrupted, say, hint);
  }
}

async function hasDesktopCode(): Promise<boolean> {
  const display = process.platform === 'darwin' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  if (!display || process.getuid?.() === 0) return false; // VS Code's desktop refuses to run as root
  const { failed } = await execa('code', ['--version'], { reject: false, stdin: 'ignore' });
  return !failed;
}

async function desktop(demo: Demo, env: Record<string, string>, cancelSignal: AbortSignal): Promise<void> {
  await execa(
    'code',
    [
      '--new-window',
      '--wait',
      '--skip-welcome',
      '--disable-workspace-trust',
      `--user-data-dir=${join(demo.folder, 'code/data')}`,
      `--extensions-dir=${join(demo.folder, 'code/extensions')}`,
      `--extensionDevelopmentPath=${ROOT}`,
      demo.workspace,
    ],
    { env, cancelSignal, reject: false, stdin: 'ignore' },
  );
}

async function inBrowser(
  demo: Demo,
  env: Record<string, string>,
  interrupted: AbortSignal,
  say: Say,
  hint: readonly string[],
): Promise<void> {
  const server = await ensureServer();
  if (!server.ok) throw new Error(server.reason);
  // whoever opens the window can run programs as this user, so it takes a token
  await using running = await startServer({
    dataDir: join(demo.folder, 'vscode'),
    connectionToken: randomBytes(16).toString('hex'),
    extensions: [ROOT],
    env,
  });
  say(['', `VS Code is at ${running.url({ folder: demo.workspace })}`, ...hint].join('\n'));
  const aborted = new Promise<void>(resolve => interrupted.addEventListener('abort', () => resolve(), { once: true }));
  if (!interrupted.aborted) await Promise.race([aborted, running.ended]);
}
