import * as vscode from 'vscode';
import type { PanelWorkspace } from '../run-panel/panel-link.ts';
import type { Nixcfg } from './nixcfg.ts';

/** What the run panel knows of nixcfg. */
export function panelWorkspace(nixcfg: Pick<Nixcfg, 'state' | 'onDidChange' | 'features'>): PanelWorkspace {
  return {
    get hasNixcfg() {
      return nixcfg.state.folder !== undefined;
    },
    onDidChange: nixcfg.onDidChange,
    placesOf: async (lines, checkout) => {
      const features = await nixcfg.features();
      const places = await features.placesOf(lines, checkout);
      return places.map(({ uri, path, line, column, message }) => ({
        label: `${path}:${line}`,
        title: message,
        open: () => {
          const at = new vscode.Position(line - 1, column - 1);
          void vscode.window.showTextDocument(uri, {
            selection: new vscode.Range(at, at),
            viewColumn: vscode.ViewColumn.One,
          });
        },
      }));
    },
  };
}
