import * as vscode from 'vscode';
import { runProcess, type ProcessOptions, type ProcessResult } from './run-process.ts';

export interface TerminalStep {
  /** The command as a person would type it. */
  readonly shown: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly options: Omit<ProcessOptions, 'signal' | 'onOutput'>;
}

/**
 * Runs a program in a terminal of the panel, so that a person sees it work and can end it by closing the terminal, and
 * gives what came of it.
 */
export async function runInTerminal(
  name: string,
  { shown, file, args, options }: TerminalStep,
): Promise<ProcessResult> {
  const written = new vscode.EventEmitter<string>();
  const closed = new AbortController();
  const early: string[] = [];
  let isOpen = false;
  const write = (text: string): void => {
    const lines = text.replace(/\r?\n/g, '\r\n');
    if (isOpen) written.fire(lines);
    else early.push(lines);
  };
  const terminal = vscode.window.createTerminal({
    name,
    iconPath: new vscode.ThemeIcon('server-process'),
    pty: {
      onDidWrite: written.event,
      open: () => {
        isOpen = true;
        for (const text of early.splice(0)) written.fire(text);
      },
      close: () => closed.abort(),
      handleInput: (input: string) => {
        if (input === '\u0003') closed.abort();
      },
    },
  });
  terminal.show(true);
  write(`\u001b[2m$ ${shown}\u001b[0m\n`);
  const result = await runProcess(file, args, { ...options, signal: closed.signal, onOutput: write });
  write(`\u001b[2m${endWords(result)}\u001b[0m\n`);
  return result;
}

function endWords({ ended, exitCode }: ProcessResult): string {
  return ended === 'exit' ? `exit code ${exitCode ?? 'unknown'}` : ended;
}
