import { existsSync, writeFileSync } from 'node:fs';
import type { RunId } from '../../protocol/index.ts';
import { CODE, launchctl } from '../platform/launchctl.ts';
import { RUNNER_LABEL } from '../platform/places.ts';
import { inboxPaths, statePaths } from '../run-directory/layout.ts';
import { LaunchError, type Launcher } from './launcher.ts';

/**
 * For a service manager that watches the inbox itself and starts `nixfleet-agent run-inbox` while something lies in it
 * (nix-darwin: QueueDirectories of launchd.plist(5)). A run without a request there, because its runner died, gets a mark.
 */
export class InboxLauncher implements Launcher {
  readonly name = 'launchd';
  readonly #stateDir: string;

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  async launch(runId: RunId): Promise<void> {
    const { request, wake } = inboxPaths(this.#stateDir, runId);
    try {
      if (!existsSync(request)) writeFileSync(wake, '', { mode: 0o600 });
    } catch (error) {
      throw new LaunchError(`${statePaths(this.#stateDir).inbox} cannot be written: ${(error as Error).message}`);
    }
    const { code } = await launchctl('print', `system/${RUNNER_LABEL}`);
    if (code === CODE.noSuchService)
      throw new LaunchError(
        `nobody watches the inbox: launchd has no system/${RUNNER_LABEL}. On the host: sudo launchctl bootstrap system /Library/LaunchDaemons/${RUNNER_LABEL}.plist`,
      );
  }

  /** Whether somebody will take it out of the inbox. */
  isAlive(runId: RunId): Promise<boolean> {
    const { request, wake } = inboxPaths(this.#stateDir, runId);
    return Promise.resolve(existsSync(request) || existsSync(wake));
  }

  whereToLook(): string {
    return `the log of the LaunchDaemon ${RUNNER_LABEL}, which runs \`nixfleet-agent run-inbox\``;
  }
}
