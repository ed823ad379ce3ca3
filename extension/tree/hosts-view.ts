/**
 * The Hosts view. Comes in: snapshots of the fleet and the state of the link. Leaves: rows, drawn again only where they
 * read differently, and not at all while the view is hidden; the badge; the welcome and the message above the rows.
 */
import * as vscode from 'vscode';
import type { RunSummary } from '../../protocol/index.ts';
import { isOver } from '../../protocol/index.ts';
import { STEADY_CLOCK } from '../base/clock.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { Link } from '../connection/link.ts';
import { relayName } from '../connection/relay-url.ts';
import type { Relays } from '../connection/relays.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { marks, notEnrolled, type Mark } from '../nixcfg/configurations.ts';
import type { Nixcfg } from '../nixcfg/nixcfg.ts';
import type { RolloutStore } from '../rollouts/rollout-store.ts';
import { presentRollout } from '../rollouts/rollout-words.ts';
import { compareNames } from './compare-names.ts';
import { detailsText, hostDetails, hostFacts, presentRun } from './details.ts';
import { NO_FILTER, showsNotEnrolled } from './host-filter.ts';
import type { RowIcon } from './host-row.ts';
import type { KeptFilter } from './kept-filter.ts';
import { ListPace } from './list-pace.ts';
import { nodeId, type ConfiguredNode, type HostNode, type RolloutNode, type TreeNode } from './nodes.ts';
import { OpenRows } from './open-rows.ts';
import { RowCache } from './row-cache.ts';
import { presentView, type ViewState } from './view-state.ts';

export const HOSTS_VIEW = 'nixfleet.hosts';

const LIVE_TICK = 1000;
const IDLE_TICK = 60_000;

export interface HostsViewOptions {
  readonly link: Link;
  readonly relays: Relays;
  readonly fleet: FleetStore;
  readonly rollouts: RolloutStore;
  readonly nixcfg: Pick<Nixcfg, 'state' | 'onDidChange'>;
  readonly filter: KeptFilter;
  readonly locale: Locale;
}

export class HostsView extends Disposable implements vscode.TreeDataProvider<TreeNode> {
  readonly #options: HostsViewOptions;
  readonly #rows: RowCache;
  readonly #nodes = new Map<string, TreeNode>();
  readonly #changed = this.own(new vscode.EventEmitter<TreeNode | TreeNode[] | undefined>());
  readonly #view: vscode.TreeView<TreeNode>;
  #state: ViewState | undefined;
  #timer: NodeJS.Timeout | undefined;
  #readAllAt = 0;
  #marks: ReadonlyMap<string, Mark> = new Map();
  /** Configurations without a host, in the order of their rows. */
  #notEnrolled: readonly ConfiguredNode[] = [];
  /** What goes on over several hosts, above them, and how it was shown last. */
  #rollouts: ReadonlyMap<RolloutNode, string> = new Map();
  readonly #open = new OpenRows();
  readonly #pace = this.own(new ListPace(STEADY_CLOCK, () => this.#drawList()));
  #wasFiltered: boolean | undefined;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(options: HostsViewOptions) {
    super();
    this.#options = options;
    this.#rows = new RowCache(options.locale);
    this.#view = this.own(
      vscode.window.createTreeView(HOSTS_VIEW, { treeDataProvider: this, canSelectMany: true, showCollapseAll: true }),
    );
    this.own(options.fleet.onDidChange(({ hosts }) => this.#refresh(hosts)));
    this.own(options.link.onDidChangeState(() => this.#refresh([])));
    this.own(options.relays.onDidChange(() => this.#refresh([])));
    this.own(options.nixcfg.onDidChange(() => this.#refresh([])));
    this.own(options.rollouts.onDidChange(() => this.#refresh([])));
    this.own(options.filter.onDidChange(() => this.#refresh(undefined, true)));
    this.own(this.#view.onDidChangeVisibility(() => this.#refresh()));
    this.own(this.#view.onDidExpandElement(({ element }) => this.#opened(element)));
    this.own(
      this.#view.onDidCollapseElement(({ element }) => element.kind === 'host' && this.#open.close(element.host)),
    );
    this.#refresh();
  }

  /** What the view says around its rows. */
  get state(): ViewState | undefined {
    return this.#state;
  }

  /** Brings a host's row into sight; a filter that hides it is taken away. */
  async reveal(host: string): Promise<void> {
    await vscode.commands.executeCommand(`${HOSTS_VIEW}.focus`);
    if (this.#rows.row(host) && !this.#rows.isShown(host)) await this.#options.filter.set(NO_FILTER);
    if (this.#rows.isShown(host))
      await this.#view.reveal(this.#node({ kind: 'host', host }), { select: true, focus: true });
  }

  override dispose(): void {
    clearTimeout(this.#timer);
    super.dispose();
  }

  getChildren(node?: TreeNode): TreeNode[] {
    if (!node) {
      const hosts = this.#rows.order.map(host => this.#node({ kind: 'host', host }));
      return [...this.#pace.give<TreeNode>([...this.#rollouts.keys(), ...hosts, ...this.#notEnrolled])];
    }
    if (node.kind === 'configured' || node.kind === 'rollout') return [];
    const host = this.#options.fleet.host(node.host);
    if (!host) return [];
    if (node.kind === 'host') {
      this.#open.give(node.host, this.#textBelow(node.host) ?? '');
      const details = hostDetails(host, this.#options.fleet.now(), this.#options.locale).map(({ key }) =>
        this.#node({ kind: 'detail', host: node.host, detail: key }),
      );
      return host.runs.length > 0 ? [...details, this.#node({ kind: 'runs', host: node.host })] : details;
    }
    if (node.kind === 'runs') return host.runs.map(({ runId }) => this.#node({ kind: 'run', host: node.host, runId }));
    return [];
  }

  getParent(node: TreeNode): TreeNode | undefined {
    switch (node.kind) {
      case 'rollout':
      case 'host':
      case 'configured':
        return undefined;
      case 'detail':
      case 'runs':
        return this.#node({ kind: 'host', host: node.host });
      case 'run':
        return this.#node({ kind: 'runs', host: node.host });
    }
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const item = this.#item(node);
    item.id = nodeId(node);
    return item;
  }

  /** The tooltip is made when somebody looks at it. */
  resolveTreeItem(item: vscode.TreeItem, node: TreeNode): vscode.TreeItem {
    const host = node.kind === 'host' ? this.#options.fleet.host(node.host) : undefined;
    const { fleet, locale } = this.#options;
    if (!host) return item;
    const facts = hostFacts(host, fleet.now(), locale, this.#marks.get(host.host));
    item.tooltip = tooltipOf(host.host, this.#rows.row(host.host)?.description ?? '', facts);
    return item;
  }

  #item(node: TreeNode): vscode.TreeItem {
    const { Collapsed, None } = vscode.TreeItemCollapsibleState;
    const { fleet, locale } = this.#options;
    if (node.kind === 'rollout') return this.#rolloutItem(node);
    const host = fleet.host(node.host);
    switch (node.kind) {
      case 'host': {
        const row = this.#rows.row(node.host);
        const item = new vscode.TreeItem(node.host, Collapsed);
        if (!row) return item;
        item.description = row.description;
        item.iconPath = iconPath(row.icon);
        item.contextValue = row.contextValue;
        item.accessibilityInformation = { label: row.accessibleLabel };
        return item;
      }
      case 'detail': {
        const details = host ? hostDetails(host, fleet.now(), locale, this.#marks.get(node.host)) : [];
        const detail = details.find(({ key }) => key === node.detail);
        const item = new vscode.TreeItem(detail?.label ?? '', None);
        if (!detail) return item;
        item.description = detail.description;
        item.iconPath = iconPath(detail.icon);
        item.tooltip = detail.tooltip || detail.description;
        // else a screen reader would read the tooltip
        item.accessibilityInformation = { label: [detail.label, detail.description].filter(Boolean).join(': ') };
        item.contextValue = `;detail;${node.detail};`;
        return item;
      }
      case 'runs': {
        const item = new vscode.TreeItem(locale.t('Last runs'), Collapsed);
        item.iconPath = new vscode.ThemeIcon('history');
        return item;
      }
      case 'run': {
        const run = host?.runs.find(({ runId }) => runId === node.runId);
        return run ? this.#runItem(run, node) : new vscode.TreeItem('', None);
      }
      case 'configured':
        return this.#configuredItem(node);
    }
  }

  #runItem(run: RunSummary, node: TreeNode): vscode.TreeItem {
    const { label, description, icon, tooltip } = presentRun(run, this.#options.fleet.now(), this.#options.locale);
    const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
    item.description = description;
    item.iconPath = iconPath(icon);
    item.tooltip = tooltip || `${label} ${description}`;
    item.accessibilityInformation = { label: `${label}, ${description}` };
    item.contextValue = isOver(run) ? ';run;over;' : ';run;live;';
    item.command = { command: 'nixfleet.showRun', title: this.#options.locale.t('Show Run'), arguments: [node] };
    return item;
  }

  #rolloutItem({ rolloutId }: RolloutNode): vscode.TreeItem {
    const { rollouts, locale } = this.#options;
    const rollout = rollouts.find(rolloutId);
    const row = rollout && presentRollout(rollout, this.#areStale, locale);
    const item = new vscode.TreeItem(row?.label ?? '', vscode.TreeItemCollapsibleState.None);
    if (!row) return item;
    item.description = row.description;
    item.iconPath = iconPath(row.icon);
    item.tooltip = row.tooltip;
    item.accessibilityInformation = { label: row.accessibleLabel };
    item.contextValue = row.contextValue;
    return item;
  }

  #configuredItem(node: ConfiguredNode): vscode.TreeItem {
    const { t } = this.#options.locale;
    const item = new vscode.TreeItem(node.host, vscode.TreeItemCollapsibleState.None);
    item.description = t('not enrolled');
    item.iconPath = iconPath({ id: 'vm-outline', color: 'disabledForeground' });
    item.tooltip = t(
      '{0} of nixcfg: no host that is built from it has connected to the relay.',
      `${node.output}.${node.host}`,
    );
    item.accessibilityInformation = { label: `${t('Host {0}', node.host)}, ${t('not enrolled')}` };
    item.contextValue = ';configured;';
    item.command = { command: 'nixfleet.showConfiguration', title: t('Open Configuration'), arguments: [node] };
    return item;
  }

  /** The one node object of its kind and place. */
  #node(node: HostNode): HostNode;
  #node(node: ConfiguredNode): ConfiguredNode;
  #node(node: RolloutNode): RolloutNode;
  #node(node: TreeNode): TreeNode;
  #node(node: TreeNode): TreeNode {
    const id = nodeId(node);
    const known = this.#nodes.get(id);
    if (known) return known;
    this.#nodes.set(id, node);
    return node;
  }

  /** Looks at some hosts, or all: draws what reads differently. Hidden, it only keeps state and badge. */
  #refresh(hosts?: Iterable<string>, atOnce = false): void {
    const wereStale = this.#areStale;
    this.#refreshState();
    if (this.#view.visible) {
      const { fleet, filter } = this.#options;
      const remarked = this.#refreshMarks();
      const listed = this.#refreshNotEnrolled();
      const some = this.#areStale === wereStale && hosts ? new Set([...hosts, ...remarked]) : undefined;
      if (!some) this.#readAllAt = STEADY_CLOCK.now();
      const context = { now: this.#rowsNow(), stale: this.#areStale, marks: this.#marks };
      const { changed, list } = this.#rows.update(fleet.fleet, context, some, filter.filter);
      const above = this.#refreshRollouts();
      const below = this.#open.changed(host => this.#textBelow(host), some);
      const rows = [...new Set([...changed, ...below])].map(host => this.#node({ kind: 'host', host }));
      this.#fire([...above.changed, ...rows], list || listed || above.list, atOnce || above.list);
    }
    this.#arm();
  }

  #opened(node: TreeNode): void {
    if (node.kind !== 'host') return;
    const { host } = node;
    this.#open.open(host);
    const below = this.#open.changed(name => this.#textBelow(name), new Set([host]));
    this.#fire(below.map(name => this.#node({ kind: 'host', host: name })));
  }

  #textBelow(name: string): string | undefined {
    const { fleet, locale } = this.#options;
    const host = fleet.host(name);
    return host && detailsText(host, fleet.now(), locale, this.#marks.get(name));
  }

  /** Reads anew what nixcfg says of hosts; gives those of whom it says something else. */
  #refreshMarks(): readonly string[] {
    const { fleet, nixcfg } = this.#options;
    const before = this.#marks;
    this.#marks = marks(nixcfg.state, fleet.fleet.hosts);
    return [...new Set([...before.keys(), ...this.#marks.keys()])].filter(
      host => before.get(host) !== this.#marks.get(host),
    );
  }

  /** Reads anew which configurations have no host; gives whether they are others than before. */
  #refreshNotEnrolled(): boolean {
    const { fleet, nixcfg } = this.#options;
    const before = this.#notEnrolled;
    // without a relay nobody knows who is enrolled
    const areShown = fleet.fleet.known && showsNotEnrolled(this.#options.filter.filter);
    const found = areShown ? notEnrolled(nixcfg.state, fleet.fleet.hosts) : [];
    this.#notEnrolled = found
      .map(({ kind, name }) => this.#node({ kind: 'configured', host: name, output: kind }))
      .sort((a, b) => compareNames(a.host, b.host));
    return (
      before.length !== this.#notEnrolled.length || before.some((node, index) => node !== this.#notEnrolled[index])
    );
  }

  /** Reads anew what goes on over several hosts; gives which of it reads otherwise, and whether something came or went. */
  #refreshRollouts(): { readonly changed: readonly RolloutNode[]; readonly list: boolean } {
    const { rollouts, locale } = this.#options;
    const before = this.#rollouts;
    this.#rollouts = new Map(
      rollouts.live.map(rollout => [
        this.#node({ kind: 'rollout', rolloutId: rollout.rolloutId }),
        JSON.stringify(presentRollout(rollout, this.#areStale, locale)),
      ]),
    );
    const nodes = [...this.#rollouts.keys()];
    const list = before.size !== nodes.length || nodes.some(node => !before.has(node));
    return { changed: nodes.filter(node => before.get(node) !== this.#rollouts.get(node)), list };
  }

  /** Whether the rows are shown as what was last known. */
  get #areStale(): boolean {
    return this.#state?.stale === true;
  }

  /** By the relay's clock. What was last known stands still: nobody knows whether it still goes on. */
  #rowsNow(): number {
    const { link, fleet } = this.#options;
    const { state } = link;
    const isDown = state.kind !== 'signed-out' && state.kind !== 'online';
    const age = this.#areStale && isDown ? STEADY_CLOCK.now() - (state.downSince ?? STEADY_CLOCK.now()) : 0;
    return fleet.now() - age;
  }

  #fire(changed: TreeNode[], list = false, atOnce = false): void {
    if (changed.length > 0) this.#changed.fire(changed);
    if (list) this.#pace.changed(atOnce);
  }

  #drawList(): void {
    this.#forgetGoneNodes();
    this.#changed.fire(undefined);
  }

  #forgetGoneNodes(): void {
    const others = new Set<TreeNode>([...this.#notEnrolled, ...this.#rollouts.keys()]);
    for (const [id, node] of this.#nodes) {
      const isShown =
        node.kind === 'configured' || node.kind === 'rollout' ? others.has(node) : this.#rows.isShown(node.host);
      if (!isShown) this.#nodes.delete(id);
    }
    this.#open.keep(host => this.#rows.isShown(host));
  }

  #refreshState(): void {
    const { link, relays, fleet, filter, locale } = this.#options;
    const url = relays.url;
    const relay = url === undefined ? undefined : relayName(url);
    const input = {
      configured: relays.configured,
      connection: link.state,
      relay,
      fleet: fleet.fleet,
      filter: filter.filter,
      now: STEADY_CLOCK.now(),
    };
    const state = presentView(input, locale);
    const before = this.#state;
    this.#state = state;
    if (before?.key !== state.key) void vscode.commands.executeCommand('setContext', 'nixfleet.view', state.key);
    if (before?.message !== state.message) this.#view.message = state.message ?? '';
    if (before?.description !== state.description) this.#view.description = state.description ?? '';
    if (before?.badge !== state.badge) this.#view.badge = badgeOf(state.badge, locale);
    const isFiltered = filter.filter.size > 0;
    if (this.#wasFiltered !== isFiltered)
      void vscode.commands.executeCommand('setContext', 'nixfleet.filtered', isFiltered);
    this.#wasFiltered = isFiltered;
  }

  /** Rows and message say how long something takes; while they are seen they are read again in time. */
  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#view.visible || this.isDisposed) return;
    const { link, fleet } = this.#options;
    const counting = this.#rows.live.size > 0 || (fleet.fleet.stale && link.state.kind !== 'signed-out');
    this.#timer = setTimeout(() => this.#tick(), counting ? LIVE_TICK : IDLE_TICK);
  }

  #tick(): void {
    const all = STEADY_CLOCK.now() - this.#readAllAt >= IDLE_TICK;
    this.#refresh(all ? undefined : [...this.#rows.live]);
  }
}

function iconPath({ id, color }: RowIcon): vscode.ThemeIcon {
  return new vscode.ThemeIcon(id, color === undefined ? undefined : new vscode.ThemeColor(color));
}

function badgeOf(count: number, locale: Locale): vscode.ViewBadge | undefined {
  if (count === 0) return undefined;
  const tooltip = count === 1 ? locale.t('1 host has an update') : locale.t('{0} hosts have an update', count);
  return { value: count, tooltip };
}

/**
 * Host names and what hosts report are text, never markup.
 * @param words what the row says, where a long name leaves no room for it
 */
function tooltipOf(name: string, words: string, facts: readonly (readonly [string, string])[]): vscode.MarkdownString {
  const tooltip = new vscode.MarkdownString();
  tooltip.appendMarkdown('**').appendText(name).appendMarkdown('**  \n').appendText(words).appendMarkdown('\n\n');
  for (const [label, value] of facts) {
    tooltip.appendText(label).appendMarkdown(': ').appendText(value).appendMarkdown('  \n');
  }
  return tooltip;
}
