/**
 * Another lock in the place of the workspace's: shown as a difference first, written when the person says so, and never
 * where it would undo something. Commit and push stay the person's.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { plainText } from '../../flake-lock/index.ts';
import type { RunId } from '../../protocol/index.ts';
import { Disposable } from '../base/disposable.ts';
import { messageOf } from '../base/log.ts';
import { unlinked } from '../base/unlinked.ts';
import { shortRev } from '../base/words.ts';
import { lockUri } from '../lock/lock-uri.ts';
import { fetchRunLocks } from '../lock/run-locks.ts';
import type { NixcfgServices } from './features-api.ts';
import { findNix, nixProblem, parseNixVersion, updateInputCommand } from './nix.ts';
import { readText } from './nixcfg-folder.ts';
import { runInTerminal } from './process-terminal.ts';
import { runProcess } from './run-process.ts';
import { stageFile } from './stage.ts';
import { decideTakeOver, differenceWords } from './take-over.ts';
import { nixfleetInLock } from './workspace-lock.ts';

/** Locks that are not a run's, as documents for the diff editor. */
const NEW_LOCK_SCHEME = 'nixfleet-new-lock';
/** Milliseconds that the locks of a run have to arrive. */
const ARRIVE_WITHIN = 20_000;
/** Milliseconds that nix has to find the newest revision. */
const UPDATE_DEADLINE = 300_000;

interface Offer {
  readonly before: string;
  readonly after: string;
  /** The document of `after`. */
  readonly shown: vscode.Uri;
  /** Whose it is, as a person says it. */
  readonly owner: string;
  /** What a person should know before they say yes. */
  readonly doubt?: string;
}

export class LockTakeOver extends Disposable implements vscode.TextDocumentContentProvider {
  readonly #services: NixcfgServices;
  readonly #folder: () => Promise<vscode.Uri | undefined>;
  readonly #texts = new Map<string, string>();

  constructor(services: NixcfgServices, folder: () => Promise<vscode.Uri | undefined>) {
    super();
    this.#services = services;
    this.#folder = folder;
    this.own(vscode.workspace.registerTextDocumentContentProvider(NEW_LOCK_SCHEME, this));
  }

  provideTextDocumentContent({ path }: vscode.Uri): string {
    return this.#texts.get(path) ?? '';
  }

  /** Takes the lock over that a run has made on its host. */
  async useRunLock(runId: RunId): Promise<void> {
    const { sessions, locale } = this.#services;
    const { t } = locale;
    const folder = await this.#folder();
    if (!folder) return;
    const result = await fetchRunLocks(sessions, runId, AbortSignal.timeout(ARRIVE_WITHIN));
    if (!result.ok) {
      void vscode.window.showWarningMessage(
        result.kind === 'none'
          ? t('That run has no lock to take over: it ended before it had one.')
          : t('The lock of that run has not come yet: the run is not that far, or the link is down.'),
      );
      return;
    }
    const { host, before, after } = result.locks;
    const shown = vscode.Uri.from(lockUri({ host, runId, side: 'after' }));
    const hasSucceeded = this.#services.fleet.run(runId)?.outcome === 'succeeded';
    const doubt = hasSucceeded ? {} : { doubt: t('That run has not succeeded with it.') };
    await this.#offer(folder, { before, after, shown, owner: host, ...doubt });
  }

  /** Lets nix find the newest revision of the input that carries the agent, and takes that lock over. */
  async updateInput(): Promise<void> {
    const { locale } = this.#services;
    const { t } = locale;
    if (!vscode.workspace.isTrusted) {
      void vscode.window.showWarningMessage(t('This workspace is not trusted: nix is not run in it.'));
      return;
    }
    const folder = await this.#folder();
    if (!folder) return;
    const nix = findNix();
    if (nix === undefined) {
      void vscode.window.showErrorMessage(t('There is no nix on this machine.'));
      return;
    }
    const before = (await readText(vscode.Uri.joinPath(folder, 'flake.lock'))) ?? '';
    const input = nixfleetInLock(before)?.input ?? 'nixfleet';
    const found = await this.#newLock(nix, folder.fsPath, input);
    if (!found.ok) {
      void vscode.window.showErrorMessage(unlinked(t('{0} could not be updated: {1}', input, found.problem)));
      return;
    }
    if (found.doubt !== undefined)
      void vscode.window.showWarningMessage(unlinked(t('This may not be the newest revision: {0}', found.doubt)));
    const rev = nixfleetInLock(found.text)?.rev;
    const path = `/${rev === undefined ? input : shortRev(rev)}/flake.lock`;
    this.#texts.set(path, found.text);
    const shown = vscode.Uri.from({ scheme: NEW_LOCK_SCHEME, path });
    await this.#offer(folder, { before, after: found.text, shown, owner: t('the newest {0}', input) });
  }

  async #newLock(
    nix: string,
    folder: string,
    input: string,
  ): Promise<{ ok: true; text: string; doubt: string | undefined } | { ok: false; problem: string }> {
    const { t } = this.#services.locale;
    const scratch = await mkdtemp(join(tmpdir(), 'nixfleet-lock-'));
    const file = join(scratch, 'flake.lock');
    try {
      const version = parseNixVersion((await runProcess(nix, ['--version'], { cwd: folder, deadline: 10_000 })).stdout);
      const args = updateInputCommand(version ?? [2, 19], input, file);
      const options = { cwd: folder, deadline: UPDATE_DEADLINE };
      const result = await runInTerminal(t('Update {0}', input), {
        shown: `nix flake update ${plainText(input, 60)}`,
        ...{ file: nix, args, options },
      });
      if (result.ended === 'cancelled') return { ok: false, problem: t('it was ended') };
      const problem = nixProblem(result.stderr);
      if (result.ended === 'deadline')
        return { ok: false, problem: t('nix took longer than {0} s', UPDATE_DEADLINE / 1000) };
      if (result.exitCode !== 0) return { ok: false, problem: problem ?? t('nix ended with an error') };
      // nix says so with a warning and the exit code 0
      if (/does not match any input/.test(result.stderr))
        return { ok: false, problem: t('the flake has no input {0}', input) };
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) return { ok: false, problem: problem ?? t('nix wrote no lock') };
      return { ok: true, text, doubt: unreachable(result.stderr) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** Shows the difference, asks, and writes. */
  async #offer(folder: vscode.Uri, { before, after, shown, owner, doubt }: Offer): Promise<void> {
    const { t } = this.#services.locale;
    const file = vscode.Uri.joinPath(folder, 'flake.lock');
    if (isEdited(file)) {
      void vscode.window.showWarningMessage(t('flake.lock has changes that are not saved. Save or undo them first.'));
      return;
    }
    const workspace = await readText(file);
    const decision = decideTakeOver({ workspace: workspace ?? '', before, after });
    switch (decision.kind) {
      case 'same':
        void vscode.window.showInformationMessage(t('The workspace has this lock already.'));
        return;
      case 'unreadable':
        void vscode.window.showErrorMessage(unlinked(t('A lock cannot be read: {0}', decision.message)));
        return;
      case 'refused':
        await this.#refuse(file, shown, owner, differenceWords(decision.differences, owner, this.#services.locale));
        return;
      case 'take':
        break;
    }
    const title = t('flake.lock (workspace → {0})', owner);
    const left =
      workspace === undefined ? vscode.Uri.from({ scheme: NEW_LOCK_SCHEME, path: '/none/flake.lock' }) : file;
    await vscode.commands.executeCommand('vscode.diff', left, shown, title, { preview: true });
    const use = t('Use This Lock');
    const question =
      decision.changes.length === 1
        ? t('Write the lock of {0} to the workspace? 1 input changes.', owner)
        : t('Write the lock of {0} to the workspace? {1} inputs change.', owner, decision.changes.length);
    const asked = doubt === undefined ? question : `${question} ${doubt}`;
    if ((await vscode.window.showInformationMessage(asked, use)) !== use) return;
    if (isEdited(file) || (await readText(file)) !== workspace) {
      void vscode.window.showWarningMessage(t('flake.lock has changed meanwhile: nothing was written.'));
      return;
    }
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(after));
    await this.#offerToStage(file, owner);
  }

  async #refuse(file: vscode.Uri, shown: vscode.Uri, owner: string, differences: string): Promise<void> {
    const { t } = this.#services.locale;
    const show = t('Show Differences');
    const message = t(
      'The workspace’s flake.lock has gone another way: taking the lock of {0} would undo {1}. Pull nixcfg, or update the input here.',
      owner,
      differences,
    );
    if ((await vscode.window.showWarningMessage(unlinked(message), show)) !== show) return;
    await vscode.commands.executeCommand('vscode.diff', file, shown, t('flake.lock (workspace ↔ {0})', owner), {
      preview: true,
    });
  }

  async #offerToStage(file: vscode.Uri, owner: string): Promise<void> {
    const { log, locale } = this.#services;
    const { t } = locale;
    const stage = await stageFile(file);
    const words = t('flake.lock is that of {0} now. Commit and push are yours.', owner);
    if (!stage) {
      void vscode.window.showInformationMessage(words);
      return;
    }
    const button = t('Stage');
    if ((await vscode.window.showInformationMessage(words, button)) !== button) return;
    try {
      await stage();
    } catch (error) {
      log.warn(`staging flake.lock: ${messageOf(error)}`);
      void vscode.window.showErrorMessage(unlinked(t('flake.lock could not be staged: {0}', messageOf(error))));
    }
  }
}

function isEdited(file: vscode.Uri): boolean {
  return vscode.workspace.textDocuments.some(
    document => document.isDirty && document.uri.toString() === file.toString(),
  );
}

/** Nix takes what it has when it cannot reach a remote, warns, and ends with 0. */
function unreachable(stderr: string): string | undefined {
  return stderr.split('\n').find(line => /^(?:warning: (?:could not|unable|failed)|fatal: )/.test(line));
}
