import * as vscode from 'vscode';
import type { IDisposable } from '../base/disposable.ts';
import { unlinked } from '../base/unlinked.ts';

export interface InputStep {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly prompt: string;
  readonly placeholder: string;
  readonly value: string;
  readonly password?: boolean;
  /** Stands below the box from the beginning, such as why the last try failed. */
  readonly problem?: string | undefined;
  /** Looks at what was entered, which may take time; what it returns stands below the box. Undefined: good. */
  readonly accept: (value: string, signal: AbortSignal) => Promise<string | undefined> | string | undefined;
}

export type InputResult =
  { readonly kind: 'entered'; readonly value: string } | { readonly kind: 'back' } | { readonly kind: 'cancelled' };

/** Shows one box of a row of them and keeps it open until what was entered is good. */
export async function inputStep(step: InputStep): Promise<InputResult> {
  const box = vscode.window.createInputBox();
  const closed = new AbortController();
  const parts: IDisposable[] = [box];
  try {
    return await new Promise<InputResult>(resolve => {
      box.title = step.title;
      box.step = step.step;
      box.totalSteps = step.totalSteps;
      box.prompt = step.prompt;
      box.placeholder = step.placeholder;
      box.value = step.value;
      box.password = step.password ?? false;
      box.ignoreFocusOut = true;
      box.validationMessage = said(step.problem);
      if (step.step > 1) box.buttons = [vscode.QuickInputButtons.Back];
      parts.push(
        box.onDidChangeValue(() => (box.validationMessage = undefined)),
        box.onDidTriggerButton(() => resolve({ kind: 'back' })),
        box.onDidHide(() => {
          closed.abort();
          resolve({ kind: 'cancelled' });
        }),
        box.onDidAccept(() => {
          if (!box.busy)
            void look(box, step, closed.signal).then(good => good && resolve({ kind: 'entered', value: box.value }));
        }),
      );
      box.show();
    });
  } finally {
    for (const part of parts) part.dispose();
  }
}

async function look(box: vscode.InputBox, step: InputStep, signal: AbortSignal): Promise<boolean> {
  box.busy = true;
  box.enabled = false;
  const problem = await step.accept(box.value, signal);
  if (signal.aborted) return false;
  box.busy = false;
  box.enabled = true;
  box.validationMessage = said(problem);
  return problem === undefined;
}

/** A problem may quote what a relay said. */
function said(problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : unlinked(problem);
}
