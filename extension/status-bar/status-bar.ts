import * as vscode from 'vscode';
import { STEADY_CLOCK } from '../base/clock.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { Link } from '../connection/link.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { presentStatus } from './present.ts';

/** The fleet in one item of the status bar, which opens the view. */
export class StatusBar extends Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #show: () => void;

  constructor(link: Link, fleet: FleetStore, locale: Locale) {
    super();
    this.#item = this.own(vscode.window.createStatusBarItem('nixfleet.status', vscode.StatusBarAlignment.Left));
    this.#item.name = 'NixFleet';
    this.#item.command = `${HOSTS_VIEW}.focus`;
    this.#show = () => {
      const status = presentStatus(link.state, link.url, fleet.fleet, STEADY_CLOCK.now(), locale);
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
    this.own(fleet.onDidChange(() => this.#show()));
    this.#show();
  }

  get text(): string {
    return this.#item.text;
  }
}
