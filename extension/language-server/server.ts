import type {
  CodeAction,
  CodeLens,
  Diagnostic,
  DocumentLink,
  DocumentSymbol,
  Hover,
  Position,
} from 'vscode-languageserver';
import type { Locale } from '../base/locale.ts';
import { ENGLISH, translated } from '../base/locale.ts';
import { flakeDiagnostics, lockDiagnostics, quickFixes } from './diagnostics.ts';
import { flakeHover, lockHover } from './hovers.ts';
import { flakeLenses } from './lenses.ts';
import { flakeLinks, lockLinks } from './links.ts';
import { NixcfgFiles, type OpenDocuments } from './nixcfg-files.ts';
import type { ConfigurationName, FlakeRead, FleetChanged, NixcfgChanged, Place, ServerOptions } from './protocol.ts';
import { fleetState, NO_FLEET, type FleetState, type Snapshot } from './snapshot.ts';
import { flakeSymbols, lockSymbols } from './symbols.ts';

export interface ServerParts {
  readonly documents: OpenDocuments;
  readonly publish: (uri: string, diagnostics: Diagnostic[]) => void;
  /** Asks the editor to ask for lenses again. */
  readonly refreshLenses: () => void;
  readonly tellFlake: (read: FlakeRead) => void;
  readonly now?: () => number;
  /** Calls once, after what came together has been taken. A turn of the loop, where it is not said. */
  readonly soon?: (run: () => void) => void;
}

/** What the server knows, and what it says of it: everything but the connection. */
export class Server {
  readonly #parts: ServerParts;
  #locale: Locale = ENGLISH;
  #files: NixcfgFiles | undefined;
  #fleet: FleetState = NO_FLEET;
  #told = '';
  #shownLenses = '';
  #lookingSoon = false;
  #lensesMayBeOld = false;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  start({ language, words, nixcfg, fleet }: ServerOptions): void {
    this.#locale = words ? translated(language, words) : ENGLISH;
    this.#takeFolder(nixcfg);
    this.#takeFleet(fleet);
  }

  fleetChanged(change: FleetChanged): void {
    this.#takeFleet(change);
    this.#lensesMayBeOld = true;
    this.#lookSoon();
  }

  nixcfgChanged(change: NixcfgChanged): void {
    for (const uri of this.#uris()) this.#parts.publish(uri, []);
    this.#takeFolder(change);
    this.#lensesMayBeOld = true;
    this.#lookSoon();
  }

  /** Something on disk, or what is open, is other than before. */
  filesChanged(): void {
    this.#files?.forget();
    this.#lensesMayBeOld = true;
    this.#lookSoon();
  }

  /** Something was typed. The editor asks for lenses by itself. */
  textChanged(): void {
    this.#lookSoon();
  }

  closed(uri: string): void {
    this.#parts.publish(uri, []);
    this.filesChanged();
  }

  lenses(uri: string): CodeLens[] {
    if (uri !== this.#files?.flakeUri) return [];
    const lenses = flakeLenses(this.#snapshot());
    this.#shownLenses = fingerprint(lenses);
    return lenses;
  }

  hover(uri: string, position: Position): Hover | null {
    const snapshot = this.#snapshot();
    const { flake, lock } = snapshot;
    if (uri === flake?.document.uri) return flakeHover(snapshot, flake.document.offsetAt(position)) ?? null;
    if (uri === lock?.document.uri) return lockHover(snapshot, lock, lock.document.offsetAt(position)) ?? null;
    return null;
  }

  links(uri: string): DocumentLink[] {
    const snapshot = this.#snapshot();
    if (uri === this.#files?.flakeUri) return flakeLinks(snapshot, this.#files.fileUri);
    return uri === this.#files?.lockUri && snapshot.lock ? lockLinks(snapshot, snapshot.lock) : [];
  }

  symbols(uri: string): DocumentSymbol[] {
    const snapshot = this.#snapshot();
    if (uri === this.#files?.flakeUri) return flakeSymbols(snapshot);
    return uri === this.#files?.lockUri && snapshot.lock ? lockSymbols(snapshot.lock) : [];
  }

  fixes(uri: string, diagnostics: readonly Diagnostic[]): CodeAction[] {
    return this.#uris().includes(uri) ? quickFixes(this.#snapshot(), diagnostics) : [];
  }

  /** The file of a configuration, else where flake.nix names it. */
  whereIs({ kind, name }: ConfigurationName): Place | null {
    const { flake } = this.#snapshot();
    const host = flake?.flake.hosts.find(candidate => candidate.kind === kind && candidate.name === name);
    if (!flake || !host) return null;
    const file = host.files.map(path => this.#files?.fileUri(path)).find(uri => uri !== undefined);
    if (file !== undefined) return { uri: file, line: 0, character: 0 };
    return { uri: flake.document.uri, ...flake.document.positionAt(host.at.from) };
  }

  #takeFolder({ folder }: NixcfgChanged): void {
    this.#files = folder === null ? undefined : new NixcfgFiles(folder, this.#parts.documents);
    this.#told = '';
  }

  #takeFleet({ known, trusted, hosts: changed, gone }: FleetChanged): void {
    const hosts = new Map(this.#fleet.hosts);
    for (const name of gone) hosts.delete(name);
    for (const host of changed) hosts.set(host.name, host);
    this.#fleet = fleetState({ known, trusted }, hosts);
  }

  #uris(): string[] {
    return this.#files ? [this.#files.flakeUri, this.#files.lockUri] : [];
  }

  #snapshot(): Snapshot {
    return {
      flake: this.#files?.flake(),
      lock: this.#files?.lock(),
      fleet: this.#fleet,
      now: (this.#parts.now ?? Date.now)(),
      locale: this.#locale,
    };
  }

  #lookSoon(): void {
    if (this.#lookingSoon) return;
    this.#lookingSoon = true;
    (this.#parts.soon ?? setImmediate)(() => {
      this.#lookingSoon = false;
      this.#look();
    });
  }

  /** Says what is other than it was said before. */
  #look(): void {
    if (!this.#files) return;
    const { documents, publish, refreshLenses } = this.#parts;
    const snapshot = this.#snapshot();
    const { flake, lock } = snapshot;
    if (flake && documents.get(flake.document.uri)) {
      publish(flake.document.uri, flakeDiagnostics(snapshot));
      if (this.#lensesMayBeOld && fingerprint(flakeLenses(snapshot)) !== this.#shownLenses) refreshLenses();
    }
    this.#lensesMayBeOld = false;
    if (lock && documents.get(lock.document.uri)) publish(lock.document.uri, lockDiagnostics(snapshot, lock));
    this.#tellFlake(snapshot);
  }

  #tellFlake({ flake }: Snapshot): void {
    if (!this.#files) return;
    const read: FlakeRead = {
      folder: this.#files.folder,
      hosts: (flake?.flake.hosts ?? []).map(({ kind, name }) => ({ kind, name })),
      open: [...(flake?.flake.open ?? [])],
    };
    const text = JSON.stringify(read);
    if (text === this.#told) return;
    this.#told = text;
    this.#parts.tellFlake(read);
  }
}

/** What a person sees of lenses. Where they stand the editor keeps up with by itself. */
function fingerprint(lenses: readonly CodeLens[]): string {
  return JSON.stringify(lenses.map(({ command }) => command));
}
