import * as vscode from 'vscode';
import { messageOf } from '../base/log.ts';
import { liveRun } from '../fleet/fleet.ts';
import type { RunPanelActions } from '../run-panel/run-panel.ts';
import { isOnline } from './asking.ts';
import { cancelRun } from './cancel.ts';
import type { CommandServices } from './register.ts';
import { saveOutput } from './save-output.ts';
import { showLockDiff } from './show-lock-diff.ts';
import { updateHosts } from './update.ts';

/** What the buttons of the run panel do: the same as the commands, on what the panel shows. */
export function panelActions(services: CommandServices): RunPanelActions {
  const { fleet, channels, log } = services;
  const act = (action: () => Promise<unknown>): void =>
    void action().catch((error: unknown) => {
      log.error(`run panel: ${messageOf(error)}`);
      void vscode.window.showErrorMessage(`NixFleet: ${messageOf(error)}`);
    });
  return {
    cancel: runId =>
      act(async () => {
        const run = fleet.run(runId);
        if (run) await cancelRun(services, run);
      }),
    retry: name =>
      act(async () => {
        if (!isOnline(services)) return;
        const host = fleet.host(name);
        if (host) await updateHosts(services, [host]);
      }),
    retryAnyway: (name, rev) =>
      act(async () => {
        if (!isOnline(services)) return;
        const host = fleet.host(name);
        const how = { retryAnyway: true as const, ...(rev !== undefined && { targetRev: rev }) };
        if (host) await updateHosts(services, [host], how);
      }),
    openDiff: runId => act(() => showLockDiff(services, runId, fleet.run(runId)?.host ?? '')),
    useLock: runId => act(async () => (await services.nixcfg.features()).useLock(runId)),
    saveOutput: session => act(() => saveOutput(session, services)),
    openOutput: name => {
      const host = fleet.host(name);
      const run = host && (liveRun(host) ?? host.runs[0]);
      if (run) channels.follow(name, run.runId);
      channels.show(name);
    },
  };
}
