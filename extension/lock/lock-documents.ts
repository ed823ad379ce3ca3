import * as vscode from 'vscode';
import type { RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import type { Locale } from '../base/locale.ts';
import type { RunSessionSource } from '../runs/run-session.ts';
import { LOCK_SCHEME, lockUri, parseLockUri, type LockDocument } from './lock-uri.ts';
import { fetchRunLocks, lockDiffTitle } from './run-locks.ts';

/** Milliseconds that the locks of a run have to arrive when somebody wants to see them. */
const ARRIVE_WITHIN = 20_000;

export type DiffResult = 'shown' | 'unchanged' | 'none' | 'late';

/** Lock files of runs as read-only documents, and the diff editor on two of them. */
export class LockDocuments extends Disposable implements vscode.TextDocumentContentProvider {
  readonly #sessions: RunSessionSource;
  readonly #locale: Locale;

  constructor(sessions: RunSessionSource, locale: Locale) {
    super();
    this.#sessions = sessions;
    this.#locale = locale;
    this.own(vscode.workspace.registerTextDocumentContentProvider(LOCK_SCHEME, this));
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const document = parseLockUri(uri);
    if (!document) throw vscode.FileSystemError.FileNotFound(uri);
    const result = await fetchRunLocks(this.#sessions, document.runId, AbortSignal.timeout(ARRIVE_WITHIN));
    if (!result.ok) throw vscode.FileSystemError.FileNotFound(uri);
    return result.locks[document.side];
  }

  /** Opens the diff editor on a run's lock files, if they have come and differ. Rejects when the disk refuses. */
  async showDiff(runId: RunId): Promise<DiffResult> {
    const result = await fetchRunLocks(this.#sessions, runId, AbortSignal.timeout(ARRIVE_WITHIN));
    if (!result.ok) return result.kind;
    const { locks } = result;
    if (locks.before === locks.after) return 'unchanged';
    const uri = (side: LockDocument['side']): vscode.Uri => vscode.Uri.from(lockUri({ host: locks.host, runId, side }));
    await vscode.commands.executeCommand(
      'vscode.diff',
      uri('before'),
      uri('after'),
      lockDiffTitle(locks, this.#locale),
      { preview: true } satisfies vscode.TextDocumentShowOptions,
    );
    return 'shown';
  }
}
