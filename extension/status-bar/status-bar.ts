import * as vscode from 'vscode';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { Link } from '../connection/link.ts';
import type { Outage } from '../connection/outage.ts';
import { relayName } from '../connection/relay-url.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { presentStatus } from './present.ts';

/** The fleet in one item of the status bar, which opens the view. */
export class StatusBar extends Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #show: () => void;

  constructor(link: Link, outage: Outage, fleet: FleetStore, locale: Locale) {
    super();
    this.#item = this.own(vscode.window.createStatusBarItem('nixfleet.status', vscode.StatusBarAlignment.Left));
    this.#item.name = 'NixFleet';
    this.#item.command = `${HOSTS_VIEW}.focus`;
    this.#show = () => {
      const relay = link.url === undefined ? undefined : relayName(link.url);
      const status = presentStatus(relay, outage.words, fleet.fleet, locale);
      if (!status) {
        this.#item.hide();
        return;
      }
      this.#item.text = status.text;
      this.#item.tooltip = status.tooltip;
      // a number alone says nothing to whom only hears it
      this.#item.accessibilityInformation = { label: `${status.text.replace(/\$\([^)]*\) /, '')}, ${status.tooltip}` };
      this.#item.backgroundColor = status.isWarning
        ? new vscode.ThemeColor('statusBarItem.warningBackground')
        : undefined;
      this.#item.show();
    };
    this.own(link.onDidChangeState(() => this.#show()));
    this.own(outage.onDidChange(() => this.#show()));
    this.own(fleet.onDidChange(() => this.#show()));
    this.#show();
  }

  get text(): string {
    return this.#item.text;
  }
}
