/** The files of nixcfg as the server sees them: those that are open in the editor, else those on disk. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { FlakeReader } from '../../flake-nix/index.ts';
import { readLockFile, type FlakeFile, type LockFile } from './snapshot.ts';

/** Larger files are no configuration. */
const LARGEST_FILE = 4 * 1024 * 1024;

/** Documents that are open in the editor, by their URI. */
export interface OpenDocuments {
  get(uri: string): TextDocument | undefined;
}

export class NixcfgFiles {
  /** URI of the folder, without a slash at its end. */
  readonly folder: string;
  readonly #path: string;
  readonly #open: OpenDocuments;
  readonly #reader = new FlakeReader(path => this.#text(path));
  #texts = new Map<string, string | undefined>();
  #flake: FlakeFile | undefined;
  #lock: LockFile | undefined;

  constructor(folder: string, open: OpenDocuments) {
    this.folder = folder.replace(/\/$/, '');
    this.#path = fileURLToPath(folder);
    this.#open = open;
  }

  get flakeUri(): string {
    return `${this.folder}/flake.nix`;
  }

  get lockUri(): string {
    return `${this.folder}/flake.lock`;
  }

  /** Files on disk may be others than before. */
  forget(): void {
    this.#texts = new Map();
    this.#flake = undefined;
    this.#lock = undefined;
  }

  flake(): FlakeFile | undefined {
    const document = this.#document('flake.nix', 'nix', this.#flake?.document);
    if (!document) return (this.#flake = undefined);
    if (this.#flake?.document !== document || this.#flake.version !== document.version) {
      const { version } = document;
      this.#flake = { document, version, flake: this.#reader.read(document.getText()) };
    }
    return this.#flake;
  }

  lock(): LockFile | undefined {
    const document = this.#document('flake.lock', 'json', this.#lock?.document);
    if (!document) return (this.#lock = undefined);
    if (this.#lock?.document !== document || this.#lock.version !== document.version)
      this.#lock = readLockFile(document);
    return this.#lock;
  }

  /** The URI of a file, or of the default.nix of a folder. */
  readonly fileUri = (path: string): string | undefined => {
    for (const candidate of [join(this.#path, path), join(this.#path, path, 'default.nix')]) {
      if (statSync(candidate, { throwIfNoEntry: false })?.isFile()) return pathToFileURL(candidate).href;
    }
    return undefined;
  };

  /** The document in the editor, or one of the file on disk, which stays the same until it is forgotten. */
  #document(name: string, language: string, before: TextDocument | undefined): TextDocument | undefined {
    const uri = `${this.folder}/${name}`;
    const open = this.#open.get(uri);
    if (open) return open;
    const text = this.#text(name);
    if (text === undefined) return undefined;
    return before?.uri === uri && before.version === 0 && before.getText() === text
      ? before
      : TextDocument.create(uri, language, 0, text);
  }

  #text(path: string): string | undefined {
    const open = this.#open.get(`${this.folder}/${path}`);
    if (open) return open.getText();
    if (!this.#texts.has(path)) this.#texts.set(path, readText(join(this.#path, path)));
    return this.#texts.get(path);
  }
}

function readText(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isFile() && stat.size <= LARGEST_FILE ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
