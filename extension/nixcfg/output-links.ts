import * as vscode from 'vscode';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { findErrorPlaces } from './error-places.ts';

/** Lines at the end of a channel that are looked through: an error is what a run ends with. */
const LINES_AT_MOST = 2_000;

/**
 * Makes links of the places that errors of nix name, in the channels of hosts. One that is not in the workspace stays text.
 */
export class OutputLinks implements vscode.DocumentLinkProvider {
  readonly #folder: () => vscode.Uri | undefined;
  readonly #fleet: Pick<FleetStore, 'host'>;

  constructor(folder: () => vscode.Uri | undefined, fleet: Pick<FleetStore, 'host'>) {
    this.#folder = folder;
    this.#fleet = fleet;
  }

  async provideDocumentLinks(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.DocumentLink[]> {
    const folder = this.#folder();
    const host = hostOfChannel(document.uri);
    if (!folder || host === undefined) return [];
    const first = Math.max(0, document.lineCount - LINES_AT_MOST);
    const text = document.getText(new vscode.Range(first, 0, document.lineCount, 0));
    const checkout = this.#fleet.host(host)?.status?.nixcfg?.path;
    const places = await findErrorPlaces(folder, text.split(/\r?\n/), checkout);
    if (token.isCancellationRequested) return [];
    return places.map(({ uri, line, column, at }) => {
      const row = first + at.row;
      const target = uri.with({ fragment: `L${line},${column}` });
      return new vscode.DocumentLink(new vscode.Range(row, at.from, row, at.to), target);
    });
  }
}

/** The host whose channel a document shows: VS Code names such documents by extension and channel. */
export function hostOfChannel({ scheme, path }: Pick<vscode.Uri, 'scheme' | 'path'>): string | undefined {
  return scheme === 'output' ? /NixFleet: (\S+)$/.exec(path)?.[1] : undefined;
}
