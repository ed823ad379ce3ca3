/** What is wrong between nixcfg and its fleet, and what mends it. Nothing about syntax: others say that. */
import { CodeActionKind, DiagnosticSeverity, type CodeAction, type Diagnostic } from 'vscode-languageserver';
import type { TextRange } from '../../flake-nix/index.ts';
import { updateCommand } from './lenses.ts';
import { rangeIn } from './ranges.ts';
import { hostsBehind, lockedInput, nixfleetInput, type FlakeFile, type LockFile, type Snapshot } from './snapshot.ts';

export const SOURCE = 'NixFleet';

/** Stable names of what is wrong. */
export type DiagnosticCode = 'no-nixfleet-input' | 'not-locked' | 'hosts-behind';

/** Hosts that a message names, at the most. */
const NAMED_AT_MOST = 5;
const DEFAULT_URL = 'github:nixfleet/nixfleet';

export function flakeDiagnostics(snapshot: Snapshot): Diagnostic[] {
  const { flake, lock, fleet, locale } = snapshot;
  if (!flake) return [];
  const { t } = locale;
  const { document, flake: read } = flake;
  const input = nixfleetInput(snapshot);
  if (!input) {
    const at = read.inputsAt ?? read.outputsAt;
    if (!at || !fleet.known || read.hosts.length === 0) return [];
    const message = t('No input of this flake carries the NixFleet agent: its hosts cannot be updated.');
    return [{ ...diagnostic('no-nixfleet-input', message), range: rangeIn(document, at) }];
  }
  if (!lockedInput(snapshot, input.name)) {
    if (lock && !lock.lock) return []; // it is being edited, or has conflicts
    const message = t('The input {0} is not in flake.lock yet.', input.name);
    return [
      {
        ...diagnostic('not-locked', message),
        severity: DiagnosticSeverity.Warning,
        range: rangeIn(document, input.at),
      },
    ];
  }
  return behind(snapshot, rangeIn(document, input.at));
}

export function lockDiagnostics(snapshot: Snapshot, { document, places }: LockFile): Diagnostic[] {
  const input = nixfleetInput(snapshot);
  const locked = input && lockedInput(snapshot, input.name);
  const place = locked && places.get(locked.key);
  return place ? behind(snapshot, rangeIn(document, place.rev ?? place.key)) : [];
}

function behind(snapshot: Snapshot, range: Diagnostic['range']): Diagnostic[] {
  const { fleet, locale } = snapshot;
  const { t } = locale;
  const input = nixfleetInput(snapshot);
  const locked = input && lockedInput(snapshot, input.name);
  const hosts = locked ? hostsBehind(fleet, locked).map(({ name }) => name) : [];
  const [first] = hosts;
  if (first === undefined) return [];
  const names = hosts.slice(0, NAMED_AT_MOST).join(', ');
  const all = hosts.length > NAMED_AT_MOST ? t('{0} and {1} more', names, hosts.length - NAMED_AT_MOST) : names;
  const message =
    hosts.length === 1
      ? t('{0} has an older revision locked than this workspace.', first)
      : t('{0} hosts have an older revision locked than this workspace: {1}.', hosts.length, all);
  return [{ ...diagnostic('hosts-behind', message), range }];
}

function diagnostic(code: DiagnosticCode, message: string): Omit<Diagnostic, 'range'> {
  return { code, message, source: SOURCE, severity: DiagnosticSeverity.Information };
}

/** What mends the given diagnostics of ours. */
export function quickFixes(snapshot: Snapshot, diagnostics: readonly Diagnostic[]): CodeAction[] {
  return diagnostics.filter(({ source }) => source === SOURCE).flatMap(found => fixesOf(snapshot, found));
}

function fixesOf(snapshot: Snapshot, found: Diagnostic): CodeAction[] {
  const { flake, fleet, locale } = snapshot;
  const { t } = locale;
  const fix = (action: Omit<CodeAction, 'kind' | 'diagnostics'>): CodeAction => ({
    ...action,
    kind: CodeActionKind.QuickFix,
    diagnostics: [found],
    isPreferred: true,
  });
  switch (found.code as DiagnosticCode) {
    case 'no-nixfleet-input': {
      const insertion = flake && inputInsertion(flake);
      if (!insertion) return [];
      const { at, text } = insertion;
      const edit = { range: rangeIn(flake.document, { from: at, to: at }), newText: text };
      return [fix({ title: t('Add the input nixfleet'), edit: { changes: { [flake.document.uri]: [edit] } } })];
    }
    case 'not-locked': {
      if (!fleet.trusted) return [];
      const title = t('Update {0} Input Here', nixfleetInput(snapshot)?.name ?? 'nixfleet');
      return [fix({ title, command: { title, command: 'nixfleet.updateInput' } })];
    }
    case 'hosts-behind': {
      const input = nixfleetInput(snapshot);
      const locked = input && lockedInput(snapshot, input.name);
      const hosts = (locked ? hostsBehind(fleet, locked) : []).filter(({ idle }) => idle);
      const [first] = hosts;
      if (!first) return [];
      const title =
        hosts.length === 1 ? t('Update Agent on {0}', first.name) : t('Update Agent on {0} Hosts', hosts.length);
      return [fix({ title, command: updateCommand(title, hosts) })];
    }
  }
}

/** Before the first input, in the way that one is written. */
function inputInsertion({ document, flake }: FlakeFile): { readonly at: number; readonly text: string } | undefined {
  const first: TextRange | undefined = flake.inputs.find(({ implicit }) => !implicit)?.at;
  if (!first) return undefined;
  const text = document.getText();
  const line = text.lastIndexOf('\n', first.from - 1) + 1;
  const before = text.slice(line, first.from);
  const dotted = /inputs\s*\.\s*$/.exec(before);
  const binding = `${dotted ? 'inputs.' : ''}nixfleet.url = "${DEFAULT_URL}";`;
  const at = line + (dotted ? dotted.index : before.length);
  const indentation = text.slice(line, at);
  return { at, text: /^\s*$/.test(indentation) ? `${binding}\n${indentation}` : `${binding} ` };
}
