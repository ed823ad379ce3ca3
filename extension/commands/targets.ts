import * as vscode from 'vscode';
import type { FleetHost, RunSummary } from '../../protocol/index.ts';
import type { Locale } from '../base/locale.ts';
import { liveRun } from '../fleet/fleet.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { compareRows, presentHost } from '../tree/host-row.ts';
import type { TreeNode } from '../tree/nodes.ts';

/** The rows that a command is about, the clicked one first. None when it comes from the palette. */
export type CommandRows = readonly TreeNode[];

/** From what VS Code hands to a command: the row of a menu and, where several are selected, all of them. */
export function commandRows(clicked?: TreeNode, selected?: readonly TreeNode[]): CommandRows {
  if (!clicked) return [];
  return [clicked, ...(selected ?? []).filter(row => row !== clicked)];
}

export interface PickOptions {
  readonly title: string;
  /** Said instead of an empty list. */
  readonly nothing: string;
  /** Which hosts make sense; all without it. */
  readonly filter?: (host: FleetHost) => boolean;
  /** Which hosts are ticked to begin with, where several can be. */
  readonly ticked?: (host: FleetHost) => boolean;
}

/** Finds out which hosts a command is about, and asks where it was not told. */
export class Targets {
  readonly #fleet: FleetStore;
  readonly #locale: Locale;
  readonly #sayOffline: () => void;

  /** @param sayOffline says why no host is known */
  constructor(fleet: FleetStore, locale: Locale, sayOffline: () => void) {
    this.#fleet = fleet;
    this.#locale = locale;
    this.#sayOffline = sayOffline;
  }

  /** Hosts of the rows, each once, in their order. Empty without rows. */
  hostsOf(rows: CommandRows): readonly FleetHost[] {
    return [...new Set(rows.flatMap(row => (row.kind === 'configured' || row.kind === 'rollout' ? [] : row.host)))]
      .map(name => this.#fleet.host(name))
      .filter(host => host !== undefined);
  }

  /** One host: that of the row, or one that is picked. Undefined when the person thought better of it. */
  async oneHost(rows: CommandRows, options: PickOptions): Promise<FleetHost | undefined> {
    const [given] = this.hostsOf(rows.slice(0, 1));
    if (given) return given;
    const items = this.#items(options);
    if (items.length === 0) {
      this.#nothing(options);
      return undefined;
    }
    return (await vscode.window.showQuickPick(items, this.#pickOptions(options)))?.host;
  }

  /** One or more hosts: those of the rows, or those that are picked. */
  async someHosts(rows: CommandRows, options: PickOptions): Promise<readonly FleetHost[]> {
    const given = this.hostsOf(rows);
    if (given.length > 0) return given;
    const items = this.#items(options);
    if (items.length === 0) {
      this.#nothing(options);
      return [];
    }
    const picked = await vscode.window.showQuickPick(items, { ...this.#pickOptions(options), canPickMany: true });
    return picked?.map(item => item.host) ?? [];
  }

  /** The run of the row, or the live or else last one of the host that it is about. */
  async oneRun(rows: CommandRows, options: PickOptions): Promise<RunSummary | undefined> {
    const [node] = rows;
    if (node?.kind === 'run') return this.#fleet.host(node.host)?.runs.find(run => run.runId === node.runId);
    const filter = options.filter ?? (host => host.runs.length > 0);
    const host = await this.oneHost(rows, { ...options, filter });
    if (!host) return undefined;
    const run = liveRun(host) ?? host.runs[0];
    if (!run) this.#nothing(options);
    return run;
  }

  #items({ filter, ticked }: PickOptions): (vscode.QuickPickItem & { host: FleetHost })[] {
    const context = { now: this.#fleet.now(), stale: this.#fleet.fleet.stale };
    return [...this.#fleet.fleet.hosts.values()]
      .filter(host => filter?.(host) ?? true)
      .map(host => ({ host, row: presentHost(host, context, this.#locale) }))
      .sort((a, b) => compareRows(a.row, b.row))
      .map(({ host, row }) => ({
        label: row.label,
        description: row.description,
        iconPath: new vscode.ThemeIcon(row.icon.id),
        picked: ticked?.(host) ?? false,
        host,
      }));
  }

  #pickOptions({ title }: PickOptions): vscode.QuickPickOptions & { title: string } {
    return { title, matchOnDescription: true };
  }

  #nothing({ nothing }: PickOptions): void {
    if (this.#fleet.fleet.known) void vscode.window.showInformationMessage(nothing);
    else this.#sayOffline();
  }
}
